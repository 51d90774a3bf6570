import type { Random } from './random.js';

export interface BackOffOptions {
  /** First pause in milliseconds. */
  readonly firstMs: number;
  /** Longest pause in milliseconds, before jitter. */
  readonly longestMs: number;
  readonly random: Random;
}

/** Growing pauses: each about twice the one before, with 25 % of jitter either way so that two ends do not move in step. */
export class BackOff {
  private failures = 0;

  constructor(private readonly options: BackOffOptions) {}

  /** @returns milliseconds to wait after one more failure */
  next(): number {
    const { firstMs, longestMs, random } = this.options;
    const pause = Math.min(longestMs, firstMs * 2 ** this.failures);
    if (pause < longestMs) this.failures += 1;
    return pause * (0.75 + random.fraction() / 2);
  }

  /** Something worked: the next failure is the first again. */
  reset(): void {
    this.failures = 0;
  }
}
