import { isIP } from 'node:net';
import { z } from 'zod';
import { oneWayMs } from '../../relay/messages.js';
import { tokenPattern } from '../../relay/token.js';
import type { RelayAddress } from './relay-source.js';

/** Relays that one end offers; more cost time and bring nothing. */
export const maxRelays = 4;
/** Relays that are tried, one after the other. */
export const maxSteps = 3;
/** Ways that one end's configuration names for a peer, by the relays' addresses. */
export const maxOver = 8;
/** Addresses of one end that a relay may see. */
export const maxSeen = 8;

const address = z
  .string()
  .max(45)
  .refine((text) => isIP(text) !== 0);
const rttMs = z.number().min(0).max(60_000);
const index = z
  .number()
  .int()
  .min(0)
  .max(maxRelays - 1);
const step = z
  .number()
  .int()
  .min(0)
  .max(maxSteps - 1);
/** A place belongs to a step, or to the way back of one: those are numbered on after the steps. */
const leg = z
  .number()
  .int()
  .min(0)
  .max(2 * maxSteps - 1);
/** Where the relay tells its time: delays to it and from it, each with the difference of the clocks in it. */
const oneWay = z.object({ outMs: oneWayMs, inMs: oneWayMs }).optional();
const use = z.object({ opener: z.enum(['controlling', 'controlled']), index });
/** With `next`, a way over two relays: that one is next to the controlled end. */
const way = use.extend({ next: use.optional() });
// RFC 8656 servers are told apart from other services by their port: 443, or one that nobody needs to be root for.
const relayAddress: z.ZodType<RelayAddress> = z.object({
  address,
  port: z.number().int().min(1024).max(65_535).or(z.literal(443)),
  transport: z.enum(['udp', 'tcp', 'tls']),
});

/**
 * What the two ends say. Both send `offer`, then `reach` about the other's offer. The controlling end orders the steps with
 * `choice`. In each step the end whose relay it is sends `place`, the other connects there, or says with `approach` that it comes
 * from a relay of its own; who fails sends `failed`, and both go on to the next.
 */
const message = z.discriminatedUnion('type', [
  /** Relays this end may ask, and how far each is from it. */
  z.object({
    type: z.literal('offer'),
    relays: z.array(relayAddress.and(z.object({ rttMs, oneWay }))).max(maxRelays),
    /** From the controlling end: it wants to know how far relays are from one another. */
    between: z.boolean().optional(),
  }),
  /** Relays of the other end that this end reaches, how far they are, and from which addresses they see it. */
  z.object({
    type: z.literal('reach'),
    relays: z.array(z.object({ index, rttMs, oneWay, seen: z.array(address).min(1).max(maxSeen) })).max(maxRelays),
    /** How far others are from relays of this end, which have told it. */
    links: z
      .array(z.object({ from: index, to: use, outMs: oneWayMs, inMs: oneWayMs }))
      .max(maxRelays * (2 * maxRelays - 1))
      .optional(),
    /** Ways by which alone this end sends, over relays as `address:port`, the preferred first. Absent: the controlling end chooses. */
    over: z
      .array(z.array(z.string().max(64)).min(1).max(2))
      .min(1)
      .max(maxOver)
      .optional(),
  }),
  z.object({
    type: z.literal('choice'),
    /** With `back`, what the controlled end sends comes over that relay, and the other carries one direction alone. */
    steps: z.array(way.extend({ back: way.optional() })).max(maxSteps),
  }),
  /** Where to connect; with a token, the relay is a volunteer and wants to be shown it. */
  z.object({
    type: z.literal('place'),
    step: leg,
    address,
    port: z.number().int().min(1024).max(65_535),
    protocol: z.enum(['tcp', 'udp']),
    token: z.string().regex(tokenPattern).optional(),
  }),
  /** An address that a place for datagrams must let in besides those that the relay has seen. */
  z.object({ type: z.literal('approach'), step, address }),
  z.object({ type: z.literal('failed'), step, code: z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/), message: z.string().max(300) }),
]);

export type RelayMessage = z.infer<typeof message>;
export type RelayMessageOf<Type extends RelayMessage['type']> = Extract<RelayMessage, { type: Type }>;

/** Undefined when it is not valid. */
export function parseRelayMessage(payload: unknown): RelayMessage | undefined {
  const parsed = message.safeParse(payload);
  return parsed.success ? parsed.data : undefined;
}
