import { createHmac, timingSafeEqual } from 'node:crypto';
import { deriveKey } from '../../core/attempt-secret.js';
import type { OpenStreamOptions } from '../../core/reliable-udp.js';
import type { SealingKey } from '../../core/sealing.js';

/**
 * Datagrams by which a client opens a stream to a relay: it says `hello`, the relay answers with a `cookie` that only who receives at that
 * address gets to know, and the client shows it with `open`, under its key. Magic 4, type 1, nonce 8, and then of a hello zeros, of a
 * cookie the cookie, and of an open cookie, identity and tag. The magic's first byte keeps them apart from STUN (below 0x40, RFC 8489 §5)
 * and udx (0xff), its last one from beats.
 */
const magic = Buffer.from('RTSr');
const type = { hello: 1, cookie: 2, open: 3 } as const;
export const nonceLength = 8;
export const cookieLength = 16;
const tagLength = 16;
const maxIdentity = 128;
const cookieAt = magic.length + 1 + nonceLength;
const identityAt = cookieAt + cookieLength;
/** Longer than its answer, so that nobody gains by asking in another's name. */
const helloLength = 64;

export function encodeHello(nonce: Uint8Array): Buffer {
  return Buffer.concat([head(type.hello, nonce), Buffer.alloc(helloLength - cookieAt)]);
}

/** The nonce of a hello; undefined for anything else. */
export function decodeHello(data: Buffer): Buffer | undefined {
  return isOf(type.hello, data) && data.length === helloLength ? data.subarray(cookieAt - nonceLength, cookieAt) : undefined;
}

export function encodeCookie(nonce: Uint8Array, cookie: Uint8Array): Buffer {
  return Buffer.concat([head(type.cookie, nonce), cookie]);
}

/** The cookie for a nonce; undefined for anything else. */
export function decodeCookie(data: Buffer, nonce: Uint8Array): Buffer | undefined {
  const isAnswer =
    isOf(type.cookie, data) && data.length === identityAt && data.subarray(cookieAt - nonceLength, cookieAt).equals(nonce);
  return isAnswer ? data.subarray(cookieAt) : undefined;
}

export function encodeOpen(nonce: Uint8Array, cookie: Uint8Array, { identity, key }: SealingKey): Buffer {
  const open = Buffer.concat([head(type.open, nonce), cookie, Buffer.from(identity)]);
  return Buffer.concat([open, tagOf(open, key)]);
}

/** What an open says; its key is to be looked up before it is believed. */
export interface Open {
  readonly nonce: Buffer;
  readonly cookie: Buffer;
  readonly identity: string;
  /** Was it made with this key? */
  isBy(key: Uint8Array): boolean;
}

/** Undefined for anything else. */
export function decodeOpen(data: Buffer): Open | undefined {
  const end = data.length - tagLength;
  if (!isOf(type.open, data) || end <= identityAt || end > identityAt + maxIdentity) return undefined;
  return {
    nonce: data.subarray(cookieAt - nonceLength, cookieAt),
    cookie: data.subarray(cookieAt, identityAt),
    identity: data.subarray(identityAt, end).toString(),
    isBy: (key) => timingSafeEqual(tagOf(data.subarray(0, end), key), data.subarray(end)),
  };
}

/** What both ends derive for the stream that an open asks for. */
export function streamTerms(
  { nonce, cookie, key }: { readonly nonce: Uint8Array; readonly cookie: Uint8Array; readonly key: Uint8Array },
  end: 'client' | 'relay',
): Pick<OpenStreamOptions, 'localId' | 'remoteId' | 'key'> {
  const secret = Buffer.concat([key, nonce, cookie]);
  const idOf = (whose: 'client' | 'relay') => Buffer.from(deriveKey(secret, `relay datagrams ${whose}`, 4)).readUInt32BE();
  return {
    localId: idOf(end),
    remoteId: idOf(end === 'client' ? 'relay' : 'client'),
    key: deriveKey(secret, 'relay datagrams stream'),
  };
}

function head(of: number, nonce: Uint8Array): Buffer {
  return Buffer.concat([magic, Buffer.from([of]), nonce]);
}

function isOf(one: number, data: Buffer): boolean {
  return data.length >= cookieAt && data.subarray(0, magic.length).equals(magic) && data[magic.length] === one;
}

/** HMAC-SHA256 cut to 128 bits (RFC 2104 section 5). */
function tagOf(data: Buffer, key: Uint8Array): Buffer {
  return createHmac('sha256', deriveKey(key, 'relay datagrams open')).update(data).digest().subarray(0, tagLength);
}
