import type { Beat } from './agent-frames.js';

/** What beats tell of a path, in milliseconds. */
export interface PathDelays {
  /** The last round trip, queues included. */
  readonly rttMs: number;
  /** The least so far: the path without queues. */
  readonly leastRttMs: number;
  /** Parts of the last round trip: to the other end, and back. How far apart the clocks are is taken from the least round trip. */
  readonly outMs: number;
  readonly inMs: number;
}

/** Makes delays of the four times in a beat (RFC 5905 section 8). */
export class DelayMeter {
  current: PathDelays | undefined;
  /** The other end's clock less ours, in microseconds, as the least round trip shows it. */
  private offset = 0;

  /** @param now when the beat came, in microseconds on our clock */
  take({ echo, heardAt, sentAt }: Beat, now: number): void {
    const rtt = now - echo - (sentAt - heardAt);
    // Zeros: the other end has heard none of ours. Less than nothing: it makes its times up.
    if (echo === 0 || rtt < 0 || sentAt < heardAt || echo > now) return;
    const least = this.current ? this.current.leastRttMs * 1000 : Number.POSITIVE_INFINITY;
    if (rtt <= least) this.offset = (heardAt - echo + sentAt - now) / 2;
    const out = heardAt - echo - this.offset;
    this.current = { rttMs: rtt / 1000, leastRttMs: Math.min(rtt, least) / 1000, outMs: out / 1000, inMs: (rtt - out) / 1000 };
  }
}
