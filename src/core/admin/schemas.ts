import { z } from 'zod';
import { AdminError } from '../errors.js';
import { addressOf, isOverlayAddress, keyPattern } from '../overlay-address.js';
import type { RouterPeer, RouterSelf, RouterSession } from '../router.js';

// Replies of yggdrasil 0.5 (src/admin/*.go). Unknown fields are ignored, so later versions may add some.

const count = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const key = z.string().regex(keyPattern);
const address = z.string().max(45);
/** Words of the router or of strangers behind it: bounded, and without control characters that would move a terminal's cursor. */
const words = (limit: number) => z.string().transform((text) => text.slice(0, limit).replace(/\p{Cc}/gu, '\ufffd'));

/** Around every reply (admin.AdminSocketResponse). The echo of the request is not looked at: it holds the peers' passwords. */
const envelopeSchema = z.object({
  status: z.enum(['success', 'error']),
  error: words(500).optional(),
  response: z.unknown(),
});

const selfSchema = z.object({
  build_version: words(64),
  key,
  address,
  /** Only 0.4 has coordinates. */
  coords: z.unknown().optional(),
});

const sessionsSchema = z.object({
  sessions: z.array(z.object({ key, address: z.string(), bytes_recvd: count, bytes_sent: count })),
});

const peerSchema = z.object({
  remote: words(4096).optional(),
  up: z.boolean(),
  inbound: z.boolean(),
  /** Empty until the link handshake has ended. */
  key: z.union([key, z.literal('')]).optional(),
  bytes_recvd: count.optional(),
  bytes_sent: count.optional(),
  /** Nanoseconds. */
  latency: count.optional(),
  last_error: words(500).optional(),
});

const peersSchema = z.object({ peers: z.array(peerSchema) });

const emptySchema = z.object({});

/** What is inside a reply. @throws AdminError ADMIN_REPLY_INVALID, or ADMIN_REFUSED with the router's words */
export function parseEnvelope(reply: unknown, request: string): unknown {
  const envelope = check(envelopeSchema, reply, request);
  if (envelope.status === 'success') return envelope.response;
  throw new AdminError('ADMIN_REFUSED', `The router refused ${request}: ${envelope.error ?? 'it gave no reason'}.`, {
    cause: envelope.error,
  });
}

/** @throws AdminError ADMIN_REPLY_INVALID */
export function parseSelf(response: unknown): RouterSelf & { readonly hasCoords: boolean } {
  const self = check(selfSchema, response, 'getSelf');
  return { key: self.key, address: self.address, version: self.build_version, hasCoords: self.coords !== undefined };
}

/** What a reply to getSessions tells. */
export interface SessionsReply {
  /** Sessions whose address derives from their key. */
  readonly sessions: readonly RouterSession[];
  /** Keys of those that claim another address. */
  readonly misaddressed: readonly string[];
}

/** @throws AdminError ADMIN_REPLY_INVALID */
export function parseSessions(response: unknown): SessionsReply {
  const sessions: RouterSession[] = [];
  const misaddressed: string[] = [];
  for (const { key, address, bytes_recvd, bytes_sent } of check(sessionsSchema, response, 'getSessions').sessions) {
    if (address === addressOf(key)) sessions.push({ key, address, bytesIn: bytes_recvd, bytesOut: bytes_sent });
    else misaddressed.push(key);
  }
  return { sessions, misaddressed };
}

/** @throws AdminError ADMIN_REPLY_INVALID */
export function parsePeers(response: unknown): readonly RouterPeer[] {
  return check(peersSchema, response, 'getPeers').peers.map(peerOf);
}

/** @param entry one of a reply to getPeers @returns undefined where it is not yggdrasil’s */
export function parsePeer(entry: unknown): RouterPeer | undefined {
  const { data } = peerSchema.safeParse(entry);
  return data && peerOf(data);
}

function peerOf(entry: z.output<typeof peerSchema>): RouterPeer {
  return {
    uri: entry.remote || undefined,
    up: entry.up,
    inbound: entry.inbound,
    key: entry.key || undefined,
    bytesIn: entry.bytes_recvd ?? 0,
    bytesOut: entry.bytes_sent ?? 0,
    latencyMs: entry.latency === undefined ? undefined : entry.latency / 1e6,
    lastError: entry.last_error,
  };
}

/** addPeer and removePeer answer with an object that has nothing in it. @throws AdminError ADMIN_REPLY_INVALID */
export function parseDone(response: unknown, request: string): void {
  check(emptySchema, response, request);
}

/** Says whether an identity hangs together: only then is the other end a yggdrasil router. */
export function identityHolds(self: RouterSelf): boolean {
  return isOverlayAddress(self.address) && addressOf(self.key) === self.address;
}

function check<Output>(schema: z.ZodType<Output>, value: unknown, request: string): Output {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const fault = `${issue?.path.join('.') || 'reply'}: ${issue?.message ?? 'invalid'}`;
  throw new AdminError('ADMIN_REPLY_INVALID', `The reply to ${request} is not yggdrasil’s: ${fault}.`, { cause: result.error });
}
