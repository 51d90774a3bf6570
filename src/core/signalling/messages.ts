import { z } from 'zod';
import { relayNamePattern } from '../config/relay-uri.js';
import { maxHearsay, maxHearsayAgeMs } from '../gossip-links.js';
import { maxServiceEndpoints } from '../peer-services.js';
import { maxToldRelays } from '../relay-hearsay.js';

/** Version of the signalling protocol. A hello of another version ends the conversation. */
export const protocolVersion = 1;

/** Longest line on the wire, newline included, in bytes. */
export const maxMessageBytes = 64 * 1024;

/** What an agent may say of itself in hello. */
export const feature = {
  /** Its router can have a bridge that is no part of the tree, and its operator wants that; it is done where both ends say so. */
  hiddenBridges: 'hidden-bridges',
  /** It was told of the other by a discovery source, and wants the bridge whatever the session carries. */
  hold: 'hold',
  /** It was told of the other by a discovery source, and wants the link for what the other offers; it is no reason for a bridge. */
  visit: 'visit',
  /** It tells of agents that it has met, and may be told of to others. */
  gossip: 'gossip',
} as const;

const attemptId = z.string().regex(/^[0-9a-f]{32}$/);
const publicKey = z.string().regex(/^[0-9a-f]{64}$/);
const random = z.string().regex(/^[0-9a-f]{64}$/);
const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/);
const code = z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/);
const sentence = z.string().max(512);
/** Whether the host is one to turn to is for {@link KnownServices} to judge. */
const endpoints = z
  .array(z.object({ host: z.string().max(45), port: z.number().int().min(1).max(65_535) }))
  .max(maxServiceEndpoints);

/**
 * Signalling messages, one JSON object a line. Fields and types that are not listed are ignored, so that version 1 can grow.
 * The sequence is: both send `hello`; then the controlling end starts attempts, each with its own id.
 */
const schemas = {
  /** First message, both ways. The sender's address must be the one derived from `key`. */
  hello: z.object({
    type: z.literal('hello'),
    protocol: z.number().int(),
    agent: z.string().max(64),
    key: publicKey,
    router: z.string().max(64),
    strategies: z.array(name).max(64),
    features: z.array(name).max(64),
  }),
  /** Controlling to controlled: try this strategy now. `random` is this end's half of the attempt's secret. */
  attempt: z.object({ type: z.literal('attempt'), id: attemptId, strategy: name, random }),
  /** Controlled to controlling: under way, with the other half of the secret. */
  accept: z.object({ type: z.literal('accept'), id: attemptId, random }),
  /** Controlled to controlling: not now, and why. */
  refuse: z.object({ type: z.literal('refuse'), id: attemptId, code, message: sentence }),
  /** A strategy's own message to the same attempt at the other end. */
  data: z.object({ type: z.literal('data'), id: attemptId, payload: z.unknown() }),
  /** The attempt is over at this end. */
  end: z.object({ type: z.literal('end'), id: attemptId, code, message: sentence }),
  /** Any time after hello, and at each change: the sender's transport addresses that offer these services, in place of all before. */
  services: z.object({
    type: z.literal('services'),
    stun: endpoints.default([]),
    relay: endpoints.default([]),
    /** Port at which the sender answers STUN without knowing whether the internet can reach it. */
    unconfirmed: z.number().int().min(1).max(65_535).optional(),
  }),
  /** To an agent that does not know: its STUN responder has answered the sender there. */
  reached: z.object({ type: z.literal('reached'), host: z.string().max(45), port: z.number().int().min(1).max(65_535) }),
  /** Any time after hello where both ends gossip: agents that the sender has met, what they offer, and how many seconds ago that was. */
  gossip: z.object({
    type: z.literal('gossip'),
    agents: z
      .array(
        z.object({
          key: publicKey,
          offers: z.array(name).max(8),
          age: z
            .number()
            .int()
            .min(0)
            .max(maxHearsayAgeMs / 1000),
        }),
      )
      .max(maxHearsay),
    /** Relays that run on their own, and leave to use each. */
    relays: z
      .array(
        z.object({
          host: z.string().max(45),
          port: z.number().int().min(1).max(65_535),
          name: z.string().regex(relayNamePattern),
          token: random,
        }),
      )
      .max(maxToldRelays)
      .default([]),
  }),
  /** To an agent that offers to relay: leave to connect to its relay. */
  'relay-request': z.object({ type: z.literal('relay-request'), id: z.number().int().nonnegative() }),
  /** The answer: a secret between the two, good for one connection soon. */
  'relay-grant': z.object({ type: z.literal('relay-grant'), id: z.number().int().nonnegative(), ticket: random }),
  /** The other answer. */
  'relay-refuse': z.object({ type: z.literal('relay-refuse'), id: z.number().int().nonnegative(), code, message: sentence }),
  /** Any time after hello: this end wants the bridge whatever the session carries, as {@link feature.hold} says, or no longer. */
  hold: z.object({ type: z.literal('hold'), wanted: z.boolean() }),
  ping: z.object({ type: z.literal('ping'), id: z.number().int().nonnegative() }),
  /** `time`: the sender's wall clock, in milliseconds since the Unix epoch. */
  pong: z.object({
    type: z.literal('pong'),
    id: z.number().int().nonnegative(),
    time: z.number().int().nonnegative().optional(),
  }),
  /** Last message: this end leaves, and any bridge with it. */
  bye: z.object({ type: z.literal('bye'), reason: sentence }),
};

type Schemas = typeof schemas;
type MessageType = keyof Schemas;
export type MessageOf<Type extends MessageType> = z.infer<Schemas[Type]>;
export type Message = { [Type in MessageType]: MessageOf<Type> }[MessageType];

const envelope = z.object({ type: z.string().max(64) });

/**
 * Reads one line.
 * @returns the message, or undefined for a type this version does not know
 * @throws Error with a sentence when the line is no valid message
 */
export function parseMessage(line: string): Message | undefined {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    throw new Error('a line is not JSON');
  }
  const head = envelope.safeParse(json);
  if (!head.success) throw new Error('a line is not an object with a type');
  const { type } = head.data;
  if (!Object.hasOwn(schemas, type)) return undefined;
  const result = schemas[type as MessageType].safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new Error(`a ${type} message has a bad ${issue?.path.join('.') || 'shape'}: ${issue?.message ?? 'invalid'}`);
}
