import { z } from 'zod';

/** Version of everything below; it changes when a field is renamed, removed or means something else. */
export const schemaVersion = 1;

const time = z.iso.datetime().describe('ISO 8601, UTC');
const milliseconds = z.number().nonnegative().describe('milliseconds');
const kind = z.enum(['direct', 'relayed']);

const failureSchema = z.object({
  code: z.string().describe('as in docs/errors.md'),
  message: z.string(),
  help: z.string().optional().describe('the next step'),
});
export type Failure = z.infer<typeof failureSchema>;

export const attemptSchema = z.object({
  attempt: z.string().describe('id, 32 hex digits, the same at both ends'),
  strategy: z.string(),
  role: z.enum(['controlling', 'controlled']),
  startedAt: time,
  provenAt: time.nullable().describe('when its path was proven'),
  endedAt: time.nullable(),
  outcome: z
    .enum(['under way', 'failed', 'path', 'bridge', 'ended'])
    .describe('path: proven, not or not yet in use; ended: was a bridge'),
  failure: failureSchema.nullable().describe('why it failed, or why the bridge went down'),
  path: z.object({ kind, local: z.string(), remote: z.string(), rttMs: milliseconds, overlayRttMs: milliseconds }).nullable(),
});
export type AttemptReport = z.infer<typeof attemptSchema>;

const bridgeSchema = z.object({
  attempt: z.string(),
  strategy: z.string(),
  kind,
  relay: z.string().nullable().describe('who relays it, as host:port'),
  local: z.string().describe('transport address at this end'),
  remote: z.string().describe('transport address at the other end'),
  rttMs: milliseconds.describe('round trip of the path, milliseconds'),
  overlayRttMs: milliseconds.describe('round trip over the overlay before, milliseconds'),
  upSince: time,
  congestion: z.string().nullable().describe('congestion control, where the path has one to tell'),
  rttNowMs: milliseconds.nullable().describe('last round trip between the agents on the path, queues included, milliseconds'),
  bytesIn: z.number().int().nonnegative(),
  bytesOut: z.number().int().nonnegative(),
});

const peerSchema = z.object({
  key: z.string().describe('public key, 64 hex digits'),
  address: z.string().describe('overlay address'),
  session: z.boolean().describe('whether the router has a session that deserves a bridge'),
  foundBy: z.array(z.string()).describe('discovery sources that tell of it, beside the session'),
  toldBy: z.string().nullable().describe('overlay address of the agent that told of it, where one did'),
  services: z
    .object({ stun: z.array(z.string()), relay: z.array(z.string()) })
    .describe('where it says that it answers STUN and relays, as host:port, while signalling with it is up'),
  agent: z
    .object({
      version: z.string(),
      role: z.enum(['controlling', 'controlled']).describe('of this end'),
      strategies: z.array(z.string()),
      rttMs: milliseconds.describe('over the overlay, milliseconds'),
      clockAheadMs: z
        .number()
        .nullable()
        .describe('the peer’s wall clock less ours, milliseconds; null where its agent does not tell'),
      since: time,
    })
    .nullable()
    .describe('the agent there, while signalling with it is up'),
  bridge: bridgeSchema.nullable(),
  failure: failureSchema.extend({ at: time }).nullable().describe('the last thing that went wrong, until a bridge is up'),
  nextTryAt: time.nullable(),
});
export type PeerReport = z.infer<typeof peerSchema>;

const routesSchema = z
  .object({
    mode: z.enum(['p2p', 'static', 'super']),
    coordinator: z.string().nullable().describe('who is asked in mode super, as host:port'),
    frozenSince: time.nullable().describe('since when it cannot be asked, so that paths keep the routes that it told last'),
    failure: failureSchema.nullable().describe('why not'),
  })
  .nullable()
  .describe('who chooses the relays of paths; null where relays are not used');
export type RoutesReport = z.infer<typeof routesSchema>;

export const statusSchema = z.object({
  schemaVersion: z.literal(schemaVersion),
  agent: z.object({ version: z.string(), pid: z.number().int(), startedAt: time, limited: z.string().nullable() }),
  router: z.object({
    state: z.enum(['waiting', 'connected']),
    admin: z.string().nullable(),
    version: z.string().nullable(),
    key: z.string().nullable(),
    address: z.string().nullable(),
    failure: failureSchema.nullable(),
  }),
  signalling: z.object({ listening: z.boolean(), failure: failureSchema.nullable() }),
  routes: routesSchema,
  peers: z.array(peerSchema),
});
export type Status = z.infer<typeof statusSchema>;

export const explanationSchema = z.object({
  schemaVersion: z.literal(schemaVersion),
  peer: peerSchema,
  routes: routesSchema,
  attempts: z.array(attemptSchema).describe('the last ones, oldest first'),
});
export type Explanation = z.infer<typeof explanationSchema>;

export const pingSchema = z.object({
  schemaVersion: z.literal(schemaVersion),
  rttMs: milliseconds.describe('round trip to the peer’s agent through the router, milliseconds'),
  bridge: bridgeSchema.nullable().describe('what carried it, if not the overlay'),
});

export const recentEventsSchema = z.object({
  schemaVersion: z.literal(schemaVersion),
  events: z
    .array(z.record(z.string(), z.unknown()))
    .describe('what happened last, oldest first; of the rest only so much is kept'),
});

export const changeSchema = z.object({
  schemaVersion: z.literal(schemaVersion),
  key: z.string().describe('public key of the peer, 64 hex digits'),
  address: z.string().describe('overlay address'),
});

export const trialSchema = z.object({
  schemaVersion: z.literal(schemaVersion),
  peer: peerSchema.nullable().describe('the peer as it was at the end of the trial'),
  bridge: bridgeSchema.nullable().describe('what came of it, if a bridge did'),
  failure: failureSchema.nullable().describe('why not'),
});
export type Trial = z.infer<typeof trialSchema>;

export const problemSchema = z.object({ schemaVersion: z.literal(schemaVersion), error: failureSchema });
