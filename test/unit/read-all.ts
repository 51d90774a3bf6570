import { once } from 'node:events';
import type { Duplex } from 'node:stream';

/** Everything up to the end of one direction; the other is left as it is, which `node:stream/consumers` would destroy. */
export async function readAll(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.resume();
  await once(stream, 'end');
  return Buffer.concat(chunks);
}

export async function readText(stream: Duplex): Promise<string> {
  return String(await readAll(stream));
}
