import type { Duplex } from 'node:stream';
import type { z } from 'zod';
import { readExactly } from '../core/read-exactly.js';

/** A message on a stream: its length as u16 in network order, then JSON. @param message at most 65535 bytes as JSON */
export function encodeFrame(message: object): Buffer {
  const json = Buffer.from(JSON.stringify(message));
  const length = Buffer.alloc(2);
  length.writeUInt16BE(json.length);
  return Buffer.concat([length, json]);
}

/**
 * The next message; what follows stays in the stream.
 * @param maxLength bytes, without the two that tell the length
 * @throws Error when the stream ends or holds anything else, or the signal's reason
 */
export async function readFrame<Message>(
  stream: Duplex,
  schema: z.ZodType<Message>,
  maxLength: number,
  signal: AbortSignal,
): Promise<Message> {
  const length = (await readExactly(stream, 2, signal)).readUInt16BE();
  if (length === 0 || length > maxLength) throw new Error(`a message was announced with ${length} bytes`);
  return schema.parse(JSON.parse(String(await readExactly(stream, length, signal))));
}
