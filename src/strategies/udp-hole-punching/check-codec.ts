import { createHmac, timingSafeEqual } from 'node:crypto';
import ipaddr from 'ipaddr.js';
import { deriveKey } from '../../core/attempt-secret.js';
import type { Endpoint } from '../../core/net.js';
import type { Role } from '../../core/strategy.js';

export const transactionIdLength = 12;

/** A connectivity check (RFC 8445 §7) or its answer, as far as both ends need it. */
export type Check =
  | { readonly type: 'request'; readonly transactionId: Buffer; readonly useCandidate: boolean }
  | { readonly type: 'response'; readonly transactionId: Buffer; readonly mapped: Endpoint };

/**
 * Connectivity checks of one attempt, in the form of STUN Binding messages (RFC 8489 §5). Each names the role of its sender and
 * ends with a MAC under a key that only the two ends of the attempt have: it is the proof, and what was sent one way is worth
 * nothing the other way.
 */
export class CheckCodec {
  private readonly key: Uint8Array;

  constructor(
    secret: Uint8Array,
    private readonly role: Role,
  ) {
    this.key = deriveKey(secret, 'udp checks');
  }

  encode(check: Check): Buffer {
    const attributes = [attribute(roleAttribute[this.role], Buffer.alloc(tieBreakerLength))];
    if (check.type === 'response') attributes.push(attribute(attributeType.xorMappedAddress, xorAddress(check)));
    else if (check.useCandidate) attributes.push(attribute(attributeType.useCandidate, Buffer.alloc(0)));
    const body = Buffer.concat(attributes);
    const header = Buffer.alloc(headerLength);
    header.writeUInt16BE(messageType[check.type], 0);
    // The length counts the MAC that is yet to come (RFC 8489 §14.6).
    header.writeUInt16BE(body.length + integrityLength, 2);
    header.writeUInt32BE(magicCookie, 4);
    check.transactionId.copy(header, 8);
    const covered = Buffer.concat([header, body]);
    return Buffer.concat([covered, attribute(attributeType.messageIntegritySha256, this.mac(covered))]);
  }

  /** What the other end of the attempt sent; undefined for everything else, whatever it is. Never throws. */
  decode(bytes: Buffer): Check | undefined {
    if (bytes.length < headerLength + integrityLength || bytes.length > maxLength || bytes.length % 4 !== 0) return undefined;
    if (bytes.readUInt32BE(4) !== magicCookie || bytes.readUInt16BE(2) !== bytes.length - headerLength) return undefined;
    const covered = bytes.subarray(0, -integrityLength);
    const integrity = bytes.subarray(-integrityLength);
    if (integrity.readUInt16BE(0) !== attributeType.messageIntegritySha256 || integrity.readUInt16BE(2) !== macLength)
      return undefined;
    if (!timingSafeEqual(integrity.subarray(4), this.mac(covered))) return undefined;
    // From here on it is the peer's word, or our own come back.
    const attributes = readAttributes(covered.subarray(headerLength));
    if (!attributes?.has(roleAttribute[this.role === 'controlling' ? 'controlled' : 'controlling'])) return undefined;
    const transactionId = Buffer.from(bytes.subarray(8, headerLength));
    const type = bytes.readUInt16BE(0);
    if (type === messageType.request) {
      return { type: 'request', transactionId, useCandidate: attributes.has(attributeType.useCandidate) };
    }
    const mapped = readXorAddress(attributes.get(attributeType.xorMappedAddress), transactionId);
    return type === messageType.response && mapped ? { type: 'response', transactionId, mapped } : undefined;
  }

  private mac(covered: Buffer): Buffer {
    return createHmac('sha256', this.key).update(covered).digest();
  }
}

const headerLength = 20;
const magicCookie = 0x2112a442;
const macLength = 32;
const integrityLength = 4 + macLength;
const tieBreakerLength = 8;
/** Ours have 68 to 92 bytes; others of the same protocol may add an attribute or two. */
const maxLength = 256;

/** Binding request and success response (RFC 8489 §5, §18.2). */
const messageType = { request: 0x0001, response: 0x0101 } as const;

const attributeType = {
  /** RFC 8489 §14.2. */
  xorMappedAddress: 0x0020,
  /** RFC 8489 §14.6, full length, always the last. */
  messageIntegritySha256: 0x001c,
  /** RFC 8445 §7.1.2. */
  useCandidate: 0x0025,
} as const;

/** RFC 8445 §7.1.3. The tie-breaker is zero: keys decide who controls, so there is no conflict to resolve. */
const roleAttribute: Record<Role, number> = { controlled: 0x8029, controlling: 0x802a };

/** Type, length, value; ours need no padding (RFC 8489 §14). */
function attribute(type: number, value: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value]);
}

function readAttributes(body: Buffer): Map<number, Buffer> | undefined {
  const attributes = new Map<number, Buffer>();
  for (let offset = 0; offset < body.length; ) {
    if (offset + 4 > body.length) return undefined;
    const end = offset + 4 + body.readUInt16BE(offset + 2);
    if (end > body.length) return undefined;
    attributes.set(body.readUInt16BE(offset), body.subarray(offset + 4, end));
    offset = end + ((4 - (end % 4)) % 4);
  }
  return attributes;
}

/** Family, port and address, the latter two XORed with cookie and transaction id (RFC 8489 §14.2). */
function xorAddress({ mapped, transactionId }: Extract<Check, { type: 'response' }>): Buffer {
  const address = Buffer.from(ipaddr.parse(mapped.address).toByteArray());
  const head = Buffer.alloc(4);
  head.writeUInt8(address.length === 4 ? 1 : 2, 1);
  head.writeUInt16BE(mapped.port ^ (magicCookie >>> 16), 2);
  return Buffer.concat([head, xor(address, transactionId)]);
}

function readXorAddress(value: Buffer | undefined, transactionId: Buffer): Endpoint | undefined {
  if (value?.length !== (value?.[1] === 1 ? 8 : 20) || !value) return undefined;
  const address = ipaddr.fromByteArray([...xor(value.subarray(4), transactionId)]).toString();
  return { address, port: value.readUInt16BE(2) ^ (magicCookie >>> 16) };
}

function xor(address: Buffer, transactionId: Buffer): Buffer {
  const mask = Buffer.alloc(16);
  mask.writeUInt32BE(magicCookie, 0);
  transactionId.copy(mask, 4);
  return Buffer.from(address.map((byte, index) => byte ^ (mask[index] ?? 0)));
}
