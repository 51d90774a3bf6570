import { type Clock, sleep } from '../../core/clock.js';
import { describeError } from '../../core/errors.js';
import type { ByteStream, Endpoint, Net } from '../../core/net.js';

/** Pause between two SYNs to one candidate, in milliseconds, both ends alike. */
const roundMs = 250;
/** A SYN that is silently dropped still holds the door open for the peer's: so long, in milliseconds, its retransmission included. */
const connectTimeoutMs = 1400;
/**
 * Shift of each round in milliseconds, at the controlling end only, taken in turn. A NAT that answers an early SYN with RST wants
 * both SYNs under way at once, and half the overlay's round trip is only an estimate of when the other end begins.
 */
const shifts = [0, 0, 20, -20, 40, -40, 80, -80];

export interface PunchOptions {
  readonly net: Net;
  readonly clock: Clock;
  readonly localPort: number;
  readonly shift: boolean;
  /** When the controlled end begins, on this end's clock. */
  readonly startAt: number;
  /** When this end's first try is due: at {@link startAt} or earlier. */
  readonly firstAt: number;
  readonly signal: AbortSignal;
  /** A connection came up; resolves to false when it was not the peer and punching should go on. */
  accept(stream: ByteStream): Promise<boolean>;
  /** Why the last try did not work: the system's name for it. */
  onFailure(reason: string): void;
}

/** Connects to one candidate again and again until it works or the signal aborts. Never rejects. */
export async function punch(remote: Endpoint, options: PunchOptions): Promise<void> {
  const { net, clock, localPort, shift, startAt, firstAt, signal, accept, onFailure } = options;
  const address = remote.address.includes(':') ? '::' : '0.0.0.0';
  let next = firstAt;
  // The first try may be one more than the other end's.
  for (let round = firstAt < startAt ? 0 : 1; ; round++) {
    try {
      await sleep(clock, Math.max(0, next - clock.now()), signal);
      const stream = await net.connectTcp({
        remote,
        local: { address, port: localPort },
        sharePort: net.capabilities.sharedPort,
        timeoutMs: connectTimeoutMs,
        signal,
      });
      if (await accept(stream)) return;
      onFailure('answered by someone else');
    } catch (error) {
      if (signal.aborted) return;
      onFailure(describeError(error).code);
    }
    const offset = shift ? (shifts[round % shifts.length] ?? 0) : 0;
    // A try that outlasted its round is followed by the next whole one.
    next = startAt + offset + roundMs * Math.max(round, Math.ceil((clock.now() - startAt - offset) / roundMs));
  }
}
