import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { z } from 'zod';
import { type ErrorCode, errorCatalogue } from '../core/error-catalogue.js';
import { StrategyError } from '../core/errors.js';
import { encodeFrame, readFrame } from './message-frames.js';
import { identityPattern, tokenPattern } from './token.js';

/** Longest message in bytes, without the two that tell its length. */
const maxLength = 1024;

/** Relays that one question may be about. */
export const maxOthers = 7;

const token = z.string().regex(tokenPattern);
const relay = z.object({
  address: z
    .string()
    .max(45)
    .refine((text) => isIP(text) !== 0),
  port: z.number().int().min(1024).max(65_535),
});
/** As far as clocks may be apart that count from any moment, in milliseconds. */
const farthestMs = 1e13;
/** A delay, with the difference of two clocks in it. */
export const oneWayMs = z.number().min(-farthestMs).max(farthestMs);

/** What the end that dialled says first on a stream, and later on that of a reservation. */
export const requestSchema = z.discriminatedUnion('type', [
  /** A place where others can connect to this end. It ends with this stream. */
  z.object({
    type: z.literal('reserve'),
    /** A place at another relay: whoever connects here comes out there. */
    toward: relay.extend({ token }).optional(),
  }),
  /** On the stream of a reservation: another lifetime from now. */
  z.object({ type: z.literal('refresh') }),
  /** To the end that reserved a place, whose token this is. After the answer, the stream is that other end's. */
  z.object({ type: z.literal('connect'), token }),
  /** How far other relays are from this one. */
  z.object({ type: z.literal('survey'), relays: z.array(relay).min(1).max(maxOthers) }),
]);

/** What the relay answers. */
export const answerSchema = z.discriminatedUnion('type', [
  /** To `reserve`: the place's token, and how long it lives without `refresh`, in seconds. */
  z.object({
    type: z.literal('reserved'),
    token,
    lifetimeS: z.number().int().min(1).max(86_400),
    /** It leads to the place at the other relay. */
    extended: z.boolean().optional(),
  }),
  /** To `connect`. */
  z.object({ type: z.literal('connected') }),
  /** To `survey`: delays to those that answered, by their place in the question, and back. */
  z.object({
    type: z.literal('surveyed'),
    delays: z
      .array(
        z.object({
          index: z
            .number()
            .int()
            .min(0)
            .max(maxOthers - 1),
          outMs: oneWayMs,
          inMs: oneWayMs,
        }),
      )
      .max(maxOthers),
  }),
  /** To any request, or the end of what was granted. The last message of a stream. */
  z.object({ type: z.literal('refused'), code: z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/), message: z.string().max(300) }),
]);

/** What the relay says first on a stream that it opens; then the stream is that of who connected. */
export const circuitSchema = z.object({ type: z.literal('circuit'), place: z.string().regex(identityPattern) });

export type Request = z.infer<typeof requestSchema>;
export type Answer = z.infer<typeof answerSchema>;
export type Circuit = z.infer<typeof circuitSchema>;

export function encodeMessage(message: Request | Answer | Circuit): Buffer {
  return encodeFrame(message);
}

/** The next message; what follows stays in the stream. @throws Error when the stream ends or holds anything else */
export function readMessage<Message>(stream: Duplex, schema: z.ZodType<Message>, signal: AbortSignal): Promise<Message> {
  return readFrame(stream, schema, maxLength, signal);
}

export function refusal(error: StrategyError): Answer {
  return { type: 'refused', code: error.code, message: error.message.slice(0, 300) };
}

/** What a relay's refusal means here. Its words are a stranger's. */
export function refusalError({ code, message }: Extract<Answer, { type: 'refused' }>, relay: string): StrategyError {
  const known = code.startsWith('RELAY_') && Object.hasOwn(errorCatalogue, code) ? (code as ErrorCode) : 'RELAY_REFUSED';
  return new StrategyError(known, `The relay ${relay} refuses: ${JSON.stringify(message)} (${code}).`);
}
