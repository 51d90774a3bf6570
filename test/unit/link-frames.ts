import { randomBytes } from 'node:crypto';
import { frameType } from '../../src/core/frames/frame-types.js';

/** What one router says first on a link, as yggdrasil 0.5 does: the fields and the signature are junk, which nobody on the way checks. */
export function handshake(length = 117): Buffer {
  const head = Buffer.from('meta\0\0');
  head.writeUInt16BE(length, 4);
  return Buffer.concat([head, randomBytes(length)]);
}

/** A whole frame. */
export function frame(type: number, body: Uint8Array = Buffer.alloc(0)): Buffer {
  return Buffer.concat([uvarint(body.length + 1), Buffer.from([type]), body]);
}

export interface TrafficOptions {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly payload?: Uint8Array;
  /** Ports on the way there, and on the way back. */
  readonly path?: readonly number[];
  readonly from?: readonly number[];
}

export function trafficFrame({
  source,
  destination,
  payload = Buffer.alloc(100),
  path = [1],
  from = [300, 2],
}: TrafficOptions): Buffer {
  const ports = [...path, 0, ...from, 0].map(uvarint);
  return frame(frameType.traffic, Buffer.concat([...ports, source, destination, uvarint(5), payload]));
}

function uvarint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 0x80; left = Math.floor(left / 0x80)) bytes.push((left % 0x80) | 0x80);
  return Buffer.from([...bytes, left]);
}

/** Cuts a stream at these places, each taken modulo what is left. */
export function cutAt(stream: Buffer, cuts: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (const cut of cuts) {
    if (at >= stream.length) break;
    const end = at + 1 + (cut % (stream.length - at));
    chunks.push(stream.subarray(at, end));
    at = end;
  }
  if (at < stream.length) chunks.push(stream.subarray(at));
  return chunks;
}
