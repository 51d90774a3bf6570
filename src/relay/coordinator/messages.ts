import { z } from 'zod';
import type { OneWayDelays } from '../../core/routes/one-way-delay.js';
import { oneWayMs } from '../messages.js';

/** Longest message in bytes. */
export const maxMessageBytes = 8192;
/** Relays of one report: those that the two ends of an attempt offer each other, and some to spare. */
export const maxReported = 16;
/** Delays between relays in one report: from each of four to the seven others that two ends offer each other. */
const maxReportedLinks = 28;
/** Relays that one direction passes one after the other. */
const maxHops = 2;

/** A relay by where it is, `address:port` or `[address]:port`. */
const relay = z.string().regex(/^\S{3,64}$/);
/** There and back, each with the difference of two clocks in it; together they are a round trip. */
const delays = { outMs: oneWayMs, inMs: oneWayMs };
const isRoundTrip = ({ outMs, inMs }: OneWayDelays) => outMs + inMs >= 0 && outMs + inMs <= 60_000;
const timed = z.object(delays).refine(isRoundTrip);
/** From an agent to a relay and back. */
const delay = z.object({ relay, ...delays }).refine(isRoundTrip);
const index = z
  .number()
  .int()
  .min(0)
  .max(maxReported - 1);
/** From a relay of the report to another one of it, as the first has told the agent. */
const link = z.object({ from: index, to: index, ...delays }).refine(isRoundTrip);

/** What an agent says, one at a time. */
export const coordinatorRequestSchema = z.discriminatedUnion('type', [
  /** What it has measured just now. */
  z.object({
    type: z.literal('report'),
    delays: z.array(delay).max(maxReported),
    links: z.array(link).max(maxReportedLinks).optional(),
  }),
  /** How should packets go between it and another agent? */
  z.object({ type: z.literal('ask'), peer: z.string().regex(/^[0-9a-f]{64}$/) }),
  /** Are you there? */
  z.object({ type: z.literal('ping') }),
]);
export type CoordinatorRequest = z.infer<typeof coordinatorRequestSchema>;
/** How far relays are from an agent, and from one another. */
export type DelayReport = Omit<Extract<CoordinatorRequest, { type: 'report' }>, 'type'>;

const way = z.array(relay).max(maxHops);

/** What the coordinator answers, to one request each, in their order. */
export const coordinatorAnswerSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('noted') }),
  /** Relays from who asks to the peer and from the peer to who asks, each in the order in which a packet passes them; none: not known. */
  z.object({ type: z.literal('routes'), out: way, back: way }),
  z.object({ type: z.literal('pong') }),
]);
export type CoordinatorAnswer = z.infer<typeof coordinatorAnswerSchema>;
export type CoordinatedRoutes = Pick<Extract<CoordinatorAnswer, { type: 'routes' }>, 'out' | 'back'>;

/** Would the coordinator take it? One that it would not ends the connection. */
export function isReportable(delay: OneWayDelays): boolean {
  return timed.safeParse(delay).success;
}
