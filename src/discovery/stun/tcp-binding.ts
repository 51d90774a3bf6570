import type { Clock } from '../../core/clock.js';
import type { ByteStream, Endpoint } from '../../core/net.js';
import type { Random } from '../../core/random.js';
import { decodeBindingResponse, encodeBindingRequest, headerLength, messageLength, transactionIdLength } from './codec.js';

/** Servers send some 100 bytes; what is far beyond is no answer to a Binding request. */
const maxMessageLength = 2_048;
/** What a server may send in all before its answer is due. */
const maxReceived = 16_384;

export interface BindingOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly timeoutMs: number;
  /** Its abort rejects with its reason. */
  readonly signal?: AbortSignal;
}

/**
 * Asks over a TCP connection how the server sees its other end (RFC 8489 §6.2.2: over TCP nothing is sent twice).
 * The stream stays open, idle and the caller's in every case; what arrives later is discarded, so that its end is noticed.
 * @throws Error with `code` ETIMEDOUT, ECONNRESET or EPROTO (not STUN, or a refusal), or the signal's reason
 */
export function bindOverTcp(stream: ByteStream, { clock, random, timeoutMs, signal }: BindingOptions): Promise<Endpoint> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    const transactionId = random.bytes(transactionIdLength);
    let received = Buffer.alloc(0);
    let total = 0;

    const settle = (act: () => void) => {
      timer.cancel();
      signal?.removeEventListener('abort', onAbort);
      stream.off('data', onData);
      stream.off('error', onError);
      stream.off('end', onEnd);
      stream.off('close', onEnd);
      act();
    };
    const fail = (code: string, message: string) => settle(() => reject(Object.assign(new Error(message), { code })));
    const onAbort = () => settle(() => reject(signal?.reason as Error));
    const onError = (error: Error) => settle(() => reject(error));
    const onEnd = () => fail('ECONNRESET', 'the server closed the connection without an answer');
    const onData = (chunk: Buffer) => {
      total += chunk.length;
      received = Buffer.concat([received, chunk]);
      while (received.length >= headerLength) {
        const length = messageLength(received);
        if (length === undefined) return fail('EPROTO', 'what the server sent is not STUN');
        if (length > maxMessageLength) return fail('EPROTO', `the server announced a message of ${length} bytes`);
        if (received.length < length) break;
        const answer = decodeBindingResponse(received.subarray(0, length), transactionId);
        received = received.subarray(length);
        if (answer && 'refused' in answer) return fail('EPROTO', `the server refused: ${answer.refused}`);
        if (answer) return settle(() => resolve(answer.mapped));
      }
      if (total > maxReceived) fail('EPROTO', 'the server sent a lot, but no answer');
      return undefined;
    };
    const timer = clock.setTimer(timeoutMs, () => fail('ETIMEDOUT', `no answer within ${timeoutMs} ms`));
    signal?.addEventListener('abort', onAbort, { once: true });
    stream.on('error', onError);
    stream.on('end', onEnd);
    stream.on('close', onEnd);
    stream.on('data', onData);
    if (stream.destroyed || stream.readableEnded) return onEnd();
    stream.write(encodeBindingRequest(transactionId));
    return undefined;
  });
}
