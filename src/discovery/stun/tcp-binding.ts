import type { Clock } from '../../core/clock.js';
import type { ByteStream, Endpoint } from '../../core/net.js';
import type { Random } from '../../core/random.js';
import { decodeBindingResponse, encodeBindingRequest, headerLength, messageLength, transactionIdLength } from './codec.js';
import { askForTime, timeIn } from './time-attribute.js';

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
export async function bindOverTcp(stream: ByteStream, options: BindingOptions): Promise<Endpoint> {
  const { mapped } = await exchange(stream, (request) => request, options);
  return mapped;
}

export interface TimedBinding {
  readonly mapped: Endpoint;
  /** What time it was at the server, in milliseconds on its clock; undefined when it does not tell. */
  readonly serverTimeMs: number | undefined;
}

/** As {@link bindOverTcp}, and asks what time it is at the server. */
export function bindTimed(stream: ByteStream, options: BindingOptions): Promise<TimedBinding> {
  return exchange(stream, askForTime, options);
}

function exchange(
  stream: ByteStream,
  extend: (request: Uint8Array) => Uint8Array,
  { clock, random, timeoutMs, signal }: BindingOptions,
): Promise<TimedBinding> {
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
        const message = received.subarray(0, length);
        const answer = decodeBindingResponse(message, transactionId);
        received = received.subarray(length);
        if (answer && 'refused' in answer) return fail('EPROTO', `the server refused: ${answer.refused}`);
        if (answer) return settle(() => resolve({ mapped: answer.mapped, serverTimeMs: timeIn(message) }));
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
    stream.write(extend(encodeBindingRequest(transactionId)));
    return undefined;
  });
}
