import { type Clock, sleep } from '../../core/clock.js';
import { describeError } from '../../core/errors.js';
import type { ByteStream, Endpoint, Net } from '../../core/net.js';

/** A mapping may take a moment to work after the gateway gave it; pause between two tries, in milliseconds. */
const retryMs = 400;
const connectTimeoutMs = 3000;

export interface DialOptions {
  readonly net: Net;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** A connection came up; resolves to false when it was not the peer. */
  accept(stream: ByteStream): Promise<boolean>;
  /** Why the last try did not work: the system's name for it. */
  onFailure(reason: string): void;
}

/** Connects to a port that the peer made reachable, again and again until it works or the signal aborts. Never rejects. */
export async function dial(remote: Endpoint, { net, clock, signal, accept, onFailure }: DialOptions): Promise<void> {
  while (!signal.aborted) {
    try {
      const stream = await net.connectTcp({ remote, timeoutMs: connectTimeoutMs, signal });
      if (await accept(stream)) return;
      onFailure('answered by someone else');
    } catch (error) {
      if (signal.aborted) return;
      onFailure(describeError(error).code);
    }
    await sleep(clock, retryMs, signal).catch(() => undefined);
  }
}
