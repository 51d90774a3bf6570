import { headerLength } from './codec.js';

/**
 * An attribute of ours, from the range that whoever does not know it ignores (RFC 8489 §18.3): in a request it asks for the server's
 * time, in the answer it tells it, as microseconds since any moment (u64). The answer is as long as the question asked it to be.
 */
const type = 0xc0a7;
const valueLength = 8;
const attributeLength = 4 + valueLength;

/** A Binding request that also asks what time it is there. */
export function askForTime(request: Uint8Array): Uint8Array {
  return append(request, 0n);
}

/** The answer, with the server's time when the request asks for it. @param nowMs monotonic milliseconds, from any origin */
export function tellTime(request: Uint8Array, answer: Uint8Array, nowMs: number): Uint8Array {
  return read(request) === undefined ? answer : append(answer, BigInt(Math.floor(nowMs * 1000)));
}

/** What time an answer tells, in milliseconds; undefined when it tells none. */
export function timeIn(answer: Uint8Array): number | undefined {
  const microseconds = read(answer);
  return microseconds === undefined ? undefined : Number(microseconds) / 1000;
}

function append(message: Uint8Array, value: bigint): Uint8Array {
  const extended = Buffer.alloc(message.length + attributeLength);
  extended.set(message);
  extended.writeUInt16BE(extended.length - headerLength, 2);
  extended.writeUInt16BE(type, message.length);
  extended.writeUInt16BE(valueLength, message.length + 2);
  extended.writeBigUInt64BE(value, message.length + 4);
  return extended;
}

function read(message: Uint8Array): bigint | undefined {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  for (let at = headerLength; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt16BE(at + 2);
    if (bytes.readUInt16BE(at) === type && length === valueLength && at + attributeLength <= bytes.length) {
      return bytes.readBigUInt64BE(at + 4);
    }
    // Attributes are padded to four bytes (RFC 8489 §14).
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return undefined;
}
