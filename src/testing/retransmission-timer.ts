import type { Timer } from '../core/clock.js';
import type { VirtualClock } from './virtual-clock.js';

/** Milliseconds: RFC 6298 §2, with the least that Linux waits. */
const limits = { initialMs: 1000, leastMs: 200, mostMs: 60_000 };

/** When to send again, from the round trips seen (RFC 6298). */
export class RetransmissionTimer {
  /** Smoothed round trip in milliseconds; undefined before the first sample. */
  smoothedMs: number | undefined;
  private variationMs = 0;
  private backOff = 1;
  private timer: Timer | undefined;

  constructor(
    private readonly clock: VirtualClock,
    private readonly expired: () => void,
  ) {}

  sample(roundTripMs: number): void {
    if (this.smoothedMs === undefined) {
      this.smoothedMs = roundTripMs;
      this.variationMs = roundTripMs / 2;
    } else {
      this.variationMs = 0.75 * this.variationMs + 0.25 * Math.abs(this.smoothedMs - roundTripMs);
      this.smoothedMs = 0.875 * this.smoothedMs + 0.125 * roundTripMs;
    }
    this.backOff = 1;
  }

  /** Starts anew, or stops where nothing is under way. */
  restart(underWay: boolean): void {
    this.timer?.cancel();
    this.timer = undefined;
    if (!underWay) return;
    const { initialMs, leastMs, mostMs } = limits;
    const base = this.smoothedMs === undefined ? initialMs : Math.max(leastMs, this.smoothedMs + 4 * this.variationMs);
    this.timer = this.clock.schedule(Math.min(mostMs, base * this.backOff), () => {
      this.backOff *= 2;
      this.expired();
    });
  }
}
