import { z } from 'zod';
import { schemaVersion } from './schemas.js';

const count = z.int().nonnegative();
const perSecond = z.number().positive().describe('bytes a second');
const bytes = z.number().nonnegative().describe('bytes');
const milliseconds = z.number().nonnegative().describe('milliseconds');

/** Users that one answer tells of; of more, those that use the most. */
export const maxTold = 64;

export const relayStatusSchema = z.object({
  schemaVersion: z.literal(schemaVersion),
  relay: z.object({
    version: z.string(),
    pid: z.int(),
    startedAt: z.iso.datetime().describe('ISO 8601, UTC'),
    listening: z.array(z.string()).describe('where it listens, as host:port'),
    reached: z.array(z.string()).describe('where invites say that it is reached, as host:port'),
    identity: z
      .string()
      .describe('32 hex digits that tell its secret from another without giving it away: invites go by the secret'),
    revoked: z.array(z.string()).describe('names whose invites no longer count'),
    circuits: count.describe('places reserved'),
    sessions: count.describe('connections that have proved themselves'),
    bytes: bytes.describe('bytes carried, both directions together'),
    answered: count.describe('STUN Binding requests answered'),
    turnedAway: count.describe('connections closed because they proved nothing, or were too many'),
    refusals: z.record(z.string(), count).describe('requests refused, by code'),
    users: z
      .array(z.object({ name: z.string(), circuits: count, sessions: count, bytes }))
      .max(maxTold)
      .describe('names of invites in use, those with most circuits first'),
    limits: z.object({
      maxCircuits: count,
      maxCircuitsPerPeer: count,
      rate: perSecond,
      ratePerPeer: perSecond,
      bytesPerDay: bytes,
      bytesPerDayPerPeer: bytes,
      timePerDay: milliseconds,
      timePerDayPerPeer: milliseconds,
      lifetimeMs: milliseconds,
      maxDurationMs: milliseconds,
    }),
  }),
});
export type RelayStatusReport = z.infer<typeof relayStatusSchema>;
