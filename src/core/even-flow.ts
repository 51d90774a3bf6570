import { Transform, type TransformCallback } from 'node:stream';
import type { Clock, Timer } from './clock.js';

/** What passes at once after a pause, in bytes: one packet as large as a router makes them. */
const burstBytes = 64 * 1024;
/** At higher rates it is what passes in so many milliseconds: a timer is no finer. */
const burstMs = 1;
/** What passes in the long run whatever came before, in bytes a millisecond: 524 Mbit/s. */
const leastRate = 64 * 1024;
/** The rate is four times what passed in the last so many milliseconds, so that it finds its way to any that the path can keep up. */
const periodMs = 50;

/**
 * Bytes on their way to the router, without bursts. A path that has made up for a loss has everything since at once, and a router
 * keeps no more than 128 KiB that it has not decrypted yet (yggdrasil 0.5: two packets less a few bytes): it would drop the rest, and
 * each drop halves the flow of a TCP connection inside. docs/data-path.md has what that makes.
 */
export class EvenFlow extends Transform {
  private credit = burstBytes;
  private creditedAt: number;
  private rate = leastRate;
  private periodAt: number;
  private passed = 0;
  private timer: Timer | undefined;

  constructor(private readonly clock: Clock) {
    super({ highWaterMark: burstBytes });
    this.creditedAt = clock.now();
    this.periodAt = this.creditedAt;
  }

  override _transform(chunk: Buffer, encoding: BufferEncoding, done: TransformCallback): void {
    const burst = this.earn(this.clock.now());
    if (this.credit >= Math.min(chunk.length, burst)) {
      this.credit -= chunk.length;
      this.passed += chunk.length;
      done(null, chunk);
    } else {
      this.timer = this.clock.setTimer(1, () => this._transform(chunk, encoding, done));
    }
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.timer?.cancel();
    done(error);
  }

  /** @returns the most that credit can be */
  private earn(now: number): number {
    const period = now - this.periodAt;
    if (period >= periodMs) {
      this.rate = Math.max(leastRate, (4 * this.passed) / period);
      this.periodAt = now;
      this.passed = 0;
    }
    const burst = Math.max(burstBytes, this.rate * burstMs);
    this.credit = Math.min(burst, this.credit + (now - this.creditedAt) * this.rate);
    this.creditedAt = now;
    return burst;
  }
}
