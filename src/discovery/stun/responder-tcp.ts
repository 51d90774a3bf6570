import type { Clock } from '../../core/clock.js';
import type { ByteStream } from '../../core/net.js';
import { headerLength, messageLength } from './codec.js';

export interface ServeTcpOptions {
  readonly clock: Clock;
  /** Milliseconds after the last request, or the start, until the connection is closed. */
  readonly idleMs: number;
  /** The bytes to answer a message with; undefined closes the connection. */
  readonly answer: (message: Uint8Array) => Uint8Array | undefined;
}

/** Serves one connection, which it owns, to its end (RFC 8489 §6.2.2). Junk ends it. */
export function serveTcp(stream: ByteStream, { clock, idleMs, answer }: ServeTcpOptions): void {
  let received: Buffer = Buffer.alloc(0);
  const end = () => stream.destroy();
  let idle = clock.setTimer(idleMs, end);

  stream.on('error', end);
  stream.once('end', end);
  stream.once('close', () => idle.cancel());
  stream.on('data', (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    while (!stream.destroyed && received.length >= headerLength) {
      const length = messageLength(received);
      if (length === undefined || length > maxRequestLength) return end();
      if (received.length < length) break;
      const response = answer(received.subarray(0, length));
      received = received.subarray(length);
      // Who asks on and does not read has no use for answers.
      if (!response || stream.writableLength > maxUnread) return end();
      stream.write(response);
      idle.cancel();
      idle = clock.setTimer(idleMs, end);
    }
    return undefined;
  });
}

const maxRequestLength = 548;
const maxUnread = 4096;
