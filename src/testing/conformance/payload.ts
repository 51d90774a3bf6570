import { createCipheriv, createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { Breach } from './breach.js';

/** Bytes without a pattern, the same for the same number. */
export function payload(length: number, number = 0): Buffer {
  const key = Buffer.alloc(16, number + 1);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

export function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Writes all of it, in pieces of a size, and waits where the stream asks for it. */
export async function send(path: Duplex, data: Buffer, pieceBytes = 64 * 1024): Promise<void> {
  for (let at = 0; at < data.length; at += pieceBytes) {
    if (path.write(data.subarray(at, at + pieceBytes))) continue;
    await drained(path);
  }
}

/** @throws Breach when the stream closes instead */
export function drained(path: Duplex): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      path.off('drain', onDrain);
      path.off('close', onClose);
      act();
    };
    const onDrain = () => settle(resolve);
    const onClose = () => settle(() => reject(new Breach('the path takes what is written', `it closed${because(path)}`)));
    path.on('drain', onDrain);
    path.on('close', onClose);
    if (path.destroyed) onClose();
  });
}

/** Takes so many bytes off a stream. @throws Breach when it ends before */
export function receive(path: Duplex, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let received = 0;
    const settle = (act: () => void) => {
      path.off('data', onData);
      path.off('end', onEnd);
      path.off('close', onEnd);
      path.pause();
      act();
    };
    const onData = (chunk: Buffer) => {
      chunks.push(chunk);
      received += chunk.length;
      if (received < length) return;
      const all = Buffer.concat(chunks);
      settle(() => resolve(all.subarray(0, length)));
      if (received > length) path.unshift(all.subarray(length));
    };
    const onEnd = () =>
      settle(() => reject(new Breach(`${length} bytes arrive`, `the path ended after ${received} of them${because(path)}`)));
    if (path.destroyed || path.readableEnded) return onEnd();
    path.on('end', onEnd);
    path.on('close', onEnd);
    path.on('data', onData);
    path.resume();
    return undefined;
  });
}

/** Takes what comes until the other end has ended. @throws Breach when the stream breaks instead */
export function receiveAll(path: Duplex): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    path.on('data', (chunk: Buffer) => chunks.push(chunk));
    path.once('end', () => resolve(Buffer.concat(chunks)));
    path.once('close', () => reject(new Breach('the path ends in order', `it broke${because(path)}`)));
  });
}

/** @throws Breach that says where they differ first */
export function expectSame(received: Buffer, sent: Buffer, direction: string): void {
  if (received.equals(sent)) return;
  const at = received.findIndex((byte, index) => byte !== sent[index]);
  const where = at < 0 ? `${received.length} of ${sent.length} bytes arrived` : `byte ${at} of ${sent.length} is another`;
  throw new Breach(`what is written ${direction} arrives as it was`, where);
}

function because(path: Duplex): string {
  return path.errored ? `: ${path.errored.message}` : '';
}
