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

const sessionsSchema = z.object({ sessions: z.array(z.unknown()) });

interface SessionEntry {
  readonly key: string;
  readonly address: string;
  readonly bytes_recvd: number;
  readonly bytes_sent: number;
  /** Seconds, with fractions. */
  readonly uptime: number;
}

const peersSchema = z.object({
  peers: z.array(
    z.object({
      remote: words(4096).optional(),
      up: z.boolean(),
      inbound: z.boolean(),
      /** Empty until the link handshake has ended. */
      key: z.union([key, z.literal('')]).optional(),
      address: address.optional(),
      bytes_recvd: count.optional(),
      bytes_sent: count.optional(),
      /** Nanoseconds. */
      latency: count.optional(),
      last_error: words(500).optional(),
    }),
  ),
});

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

/**
 * Sessions whose address derives from their key, and the keys of those that claim another address.
 * @param earlier sessions that an earlier reply has had, by key: what derives from those need not be found again, and their strings serve again,
 * so that a poll leaves nothing behind that outlives it
 * @throws AdminError ADMIN_REPLY_INVALID
 */
export function parseSessions(
  response: unknown,
  earlier: ReadonlyMap<string, Pick<RouterSession, 'key' | 'address'>> = new Map(),
): { sessions: RouterSession[]; misaddressed: string[] } {
  const sessions: RouterSession[] = [];
  const misaddressed: string[] = [];
  for (const [index, entry] of check(sessionsSchema, response, 'getSessions').sessions.entries()) {
    if (!isSessionEntry(entry)) throw notYggdrasils('getSessions', `sessions.${index}: it is no session`);
    const { bytes_recvd: bytesIn, bytes_sent: bytesOut, uptime } = entry;
    const known = earlier.get(entry.key);
    if (!known && !keyPattern.test(entry.key)) throw notYggdrasils('getSessions', `sessions.${index}: its key is none`);
    const { key, address } = known ?? { key: entry.key, address: addressOf(entry.key) };
    if (entry.address === address) sessions.push({ key, address, bytesIn, bytesOut, uptime });
    else misaddressed.push(key);
  }
  return { sessions, misaddressed };
}

/** @throws AdminError ADMIN_REPLY_INVALID */
export function parsePeers(response: unknown): RouterPeer[] {
  return check(peersSchema, response, 'getPeers').peers.map((entry) => ({
    uri: entry.remote || undefined,
    up: entry.up,
    inbound: entry.inbound,
    key: entry.key || undefined,
    address: entry.key ? addressOf(entry.key) : undefined,
    bytesIn: entry.bytes_recvd ?? 0,
    bytesOut: entry.bytes_sent ?? 0,
    latencyMs: entry.latency === undefined ? undefined : entry.latency / 1e6,
    lastError: entry.last_error,
  }));
}

/** addPeer and removePeer answer with an object that has nothing in it. @throws AdminError ADMIN_REPLY_INVALID */
export function parseDone(response: unknown, request: string): void {
  check(emptySchema, response, request);
}

/** Says whether an identity hangs together: only then is the other end a yggdrasil router. */
export function identityHolds(self: RouterSelf): boolean {
  return isOverlayAddress(self.address) && addressOf(self.key) === self.address;
}

/** By hand, unlike all else: a router may have ten thousand sessions, and zod made half the cost of a poll. */
function isSessionEntry(value: unknown): value is SessionEntry {
  if (typeof value !== 'object' || value === null) return false;
  const { key, address, bytes_recvd, bytes_sent, uptime } = value as Record<keyof SessionEntry, unknown>;
  return (
    typeof key === 'string' &&
    typeof address === 'string' &&
    isCount(bytes_recvd) &&
    isCount(bytes_sent) &&
    typeof uptime === 'number' &&
    uptime >= 0 &&
    uptime < Number.POSITIVE_INFINITY
  );
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function check<Output>(schema: z.ZodType<Output>, value: unknown, request: string): Output {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw notYggdrasils(request, `${issue?.path.join('.') || 'reply'}: ${issue?.message ?? 'invalid'}`, result.error);
}

function notYggdrasils(request: string, fault: string, cause?: unknown): AdminError {
  return new AdminError('ADMIN_REPLY_INVALID', `The reply to ${request} is not yggdrasil’s: ${fault}.`, { cause });
}
