import { createHmac, timingSafeEqual } from 'node:crypto';
import { crc32 } from './crc32.js';
import {
  attribute,
  headerLength,
  type MessageClass,
  type Method,
  magicCookie,
  messageClass,
  transactionIdLength,
} from './protocol.js';

/** One attribute: its type and its value, padding left out. */
export type Attribute = readonly [type: number, value: Uint8Array];

/** A STUN message (RFC 8489 §5) without MESSAGE-INTEGRITY and FINGERPRINT, which belong to its encoding. */
export interface Message {
  readonly method: number;
  readonly class: MessageClass;
  /** 12 bytes. */
  readonly transactionId: Uint8Array;
  readonly attributes: readonly Attribute[];
}

export interface DecodedMessage extends Message {
  /** First value of this type; of repeated ones the others do not count (RFC 8489 §14). */
  value(type: number): Buffer | undefined;
  /** Does MESSAGE-INTEGRITY (RFC 8489 §14.5) hold for this key? False when there is none. */
  authenticated(key: Uint8Array): boolean;
}

const integrityLength = 4 + 20;
const fingerprintLength = 4 + 4;
const fingerprintMask = 0x5354554e;

/**
 * The bytes of a message, with FINGERPRINT, and with MESSAGE-INTEGRITY when there is a key.
 * @throws RangeError when it does not fit into 65,535 bytes
 */
export function encodeMessage(message: Omit<Message, 'method'> & { readonly method: Method }, key?: Uint8Array): Buffer {
  const parts: Uint8Array[] = [encodeHeader(message), ...message.attributes.map(encodeAttribute)];
  const append = (type: number, length: number, value: (bytes: Buffer) => Uint8Array) => {
    parts.push(encodeAttribute([type, value(withLength(Buffer.concat(parts), length))]));
  };
  if (key) append(attribute.messageIntegrity, integrityLength, (bytes) => createHmac('sha1', key).update(bytes).digest());
  append(attribute.fingerprint, fingerprintLength, fingerprintOf);
  return withLength(Buffer.concat(parts), 0);
}

/** Reads one whole message; undefined for anything else. What follows MESSAGE-INTEGRITY is left out. Never throws. */
export function decodeMessage(input: Uint8Array): DecodedMessage | undefined {
  const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  if (messageLength(bytes) !== bytes.length) return undefined;
  const type = bytes.readUInt16BE(0);
  const attributes: Attribute[] = [];
  let integrityAt: number | undefined;
  for (let at = headerLength; at < bytes.length; ) {
    const [attributeType, length] = [bytes.readUInt16BE(at), bytes.readUInt16BE(at + 2)];
    const value = bytes.subarray(at + 4, at + 4 + length);
    if (value.length < length) return undefined;
    if (attributeType === attribute.fingerprint) {
      const last = at + fingerprintLength === bytes.length;
      if (!last || !fingerprintOf(bytes.subarray(0, at)).equals(value)) return undefined;
    } else if (integrityAt === undefined) {
      if (attributeType === attribute.messageIntegrity) integrityAt = at;
      else attributes.push([attributeType, value]);
    }
    at += 4 + padded(length);
  }
  return {
    method: (type & 0xf) | ((type & 0xe0) >> 1) | ((type & 0x3e00) >> 2),
    class: (((type & 0x10) >> 4) | ((type & 0x100) >> 7)) as MessageClass,
    transactionId: bytes.subarray(8, headerLength),
    attributes,
    value: (wanted) => attributes.find(([known]) => known === wanted)?.[1] as Buffer | undefined,
    authenticated: (key) => integrityAt !== undefined && integrityHolds(bytes, integrityAt, key),
  };
}

/** Length of the message that begins with these at least 4 bytes; undefined when no message does (RFC 8489 §5). */
export function announcedLength(start: Buffer): number | undefined {
  const length = start.readUInt16BE(2);
  return start.readUInt8(0) < 0x40 && length % 4 === 0 ? headerLength + length : undefined;
}

function messageLength(bytes: Buffer): number | undefined {
  if (bytes.length < headerLength || bytes.readUInt32BE(4) !== magicCookie) return undefined;
  return announcedLength(bytes);
}

function encodeHeader({ method, class: kind, transactionId }: Message): Buffer {
  if (transactionId.length !== transactionIdLength) throw new RangeError('a transaction id has 12 bytes');
  const header = Buffer.alloc(headerLength);
  const methodBits = (method & 0xf) | ((method & 0x70) << 1) | ((method & 0xf80) << 2);
  header.writeUInt16BE(methodBits | ((kind & 1) << 4) | ((kind & 2) << 7), 0);
  header.writeUInt32BE(magicCookie, 4);
  header.set(transactionId, 8);
  return header;
}

function encodeAttribute([type, value]: Attribute): Buffer {
  const bytes = Buffer.alloc(4 + padded(value.length));
  bytes.writeUInt16BE(type, 0);
  bytes.writeUInt16BE(value.length, 2);
  bytes.set(value, 4);
  return bytes;
}

/** Writes the header's length as it is with `more` bytes behind. */
function withLength(bytes: Buffer, more: number): Buffer {
  bytes.writeUInt16BE(bytes.length - headerLength + more, 2);
  return bytes;
}

function integrityHolds(bytes: Buffer, at: number, key: Uint8Array): boolean {
  const expected = createHmac('sha1', key)
    .update(withLength(Buffer.from(bytes.subarray(0, at)), integrityLength))
    .digest();
  const actual = bytes.subarray(at + 4, at + 4 + bytes.readUInt16BE(at + 2));
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}

function fingerprintOf(bytes: Buffer): Buffer {
  const value = Buffer.alloc(4);
  value.writeUInt32BE((crc32(bytes) ^ fingerprintMask) >>> 0);
  return value;
}

function padded(length: number): number {
  return (length + 3) & ~3;
}

/** Is this the answer to a request of that method, good or bad? */
export function isResponse(message: Message, to: Method): boolean {
  return message.method === to && (message.class === messageClass.success || message.class === messageClass.error);
}
