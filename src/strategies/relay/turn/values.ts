import ipaddr from 'ipaddr.js';
import type { Endpoint } from '../../../core/net.js';
import { magicCookie } from './protocol.js';

/** Values of attributes: an address XORed with cookie and transaction id (RFC 8489 §14.2). @throws Error when it is no IP literal */
export function encodeXorAddress({ address, port }: Endpoint, transactionId: Uint8Array): Buffer {
  const bytes = Buffer.from(ipaddr.parse(address).toByteArray());
  const head = Buffer.from([0, bytes.length === 4 ? 1 : 2, 0, 0]);
  head.writeUInt16BE(port ^ (magicCookie >>> 16), 2);
  return Buffer.concat([head, xored(bytes, transactionId)]);
}

/** Undefined when it is no address. */
export function decodeXorAddress(value: Buffer | undefined, transactionId: Uint8Array): Endpoint | undefined {
  return (
    value &&
    decodeAddress(
      Buffer.concat([value.subarray(0, 2), xored(value.subarray(2, 4), transactionId), xored(value.subarray(4), transactionId)]),
    )
  );
}

/** As MAPPED-ADDRESS holds it (RFC 8489 §14.1). Undefined when it is no address. */
export function decodeAddress(value: Buffer | undefined): Endpoint | undefined {
  const length = value === undefined ? 0 : { 1: 4, 2: 16 }[value[1] ?? 0];
  if (value === undefined || length === undefined || value.length !== 4 + length) return undefined;
  return { address: ipaddr.fromByteArray([...value.subarray(4)]).toString(), port: value.readUInt16BE(2) };
}

export function encodeUint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function decodeUint32(value: Buffer | undefined): number | undefined {
  return value?.length === 4 ? value.readUInt32BE() : undefined;
}

/** ERROR-CODE (RFC 8489 §14.8): 300 to 699. */
export function decodeErrorCode(value: Buffer | undefined): { status: number; reason: string } | undefined {
  if (value === undefined || value.length < 4) return undefined;
  const status = ((value[2] ?? 0) & 7) * 100 + (value[3] ?? 0);
  return { status, reason: value.toString('utf8', 4).replace(/\0+$/, '') };
}

function xored(bytes: Uint8Array, transactionId: Uint8Array): Buffer {
  const mask = Buffer.concat([encodeUint32(magicCookie), transactionId]);
  return Buffer.from(bytes.map((byte, index) => byte ^ (mask[index] ?? 0)));
}
