import { type Clock, sleep } from '../../core/clock.js';

/** How often the pacer looks at the clock, in milliseconds: timers are too coarse for one connection each. */
const tickMs = 5;

/** Lets so many through a second, evenly and without credit for idle time. */
export class Pacer {
  private due: number;

  /** @param perSecond 1 to 100000 */
  constructor(
    private readonly clock: Clock,
    private readonly perSecond: number,
  ) {
    this.due = clock.now();
  }

  /** Resolves when the next may go. Rejects with the signal's reason. */
  async next(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const now = this.clock.now();
    // Late timers are made up for, by no more than two ticks.
    this.due = Math.max(this.due, now - 2 * tickMs) + 1000 / this.perSecond;
    if (this.due > now + tickMs) await sleep(this.clock, this.due - now, signal);
  }
}
