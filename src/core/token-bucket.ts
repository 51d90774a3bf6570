import type { Clock } from './clock.js';

export interface TokenBucketOptions {
  /** What may be done a second, in the long run. */
  readonly perSecond: number;
  /** What may be done at once. */
  readonly burst: number;
}

/** Limits a rate: what is done takes a token, and tokens come back with time. */
export class TokenBucket {
  private tokens: number;
  private filledAt: number;

  constructor(
    private readonly clock: Pick<Clock, 'now'>,
    private readonly options: TokenBucketOptions,
  ) {
    this.tokens = options.burst;
    this.filledAt = clock.now();
  }

  /** @returns whether it may be done so often; then that is counted */
  take(times = 1): boolean {
    const { perSecond, burst } = this.options;
    const now = this.clock.now();
    this.tokens = Math.min(burst, this.tokens + ((now - this.filledAt) / 1000) * perSecond);
    this.filledAt = now;
    if (this.tokens < times) return false;
    this.tokens -= times;
    return true;
  }
}
