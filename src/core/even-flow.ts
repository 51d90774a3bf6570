import { Transform, type TransformCallback } from 'node:stream';
import type { Clock, Timer } from './clock.js';

/** What passes at once after a pause, in bytes: one packet as large as a router makes them. */
const burstBytes = 64 * 1024;
/** What passes in the long run, in bytes a millisecond: 1 Gbit/s. */
const bytesPerMs = 128 * 1024;

/**
 * Bytes on their way to the router, without bursts. A path that has made up for a loss has everything since at once, and a router
 * keeps no more than 128 KiB that it has not decrypted yet (yggdrasil 0.5: two packets less a few bytes): it would drop the rest, and
 * each drop halves the flow of a TCP connection inside. `bench/loss.ts` shows what that makes.
 */
export class EvenFlow extends Transform {
  private credit = burstBytes;
  private creditedAt: number;
  private timer: Timer | undefined;

  constructor(private readonly clock: Clock) {
    super({ highWaterMark: burstBytes });
    this.creditedAt = clock.now();
  }

  override _transform(chunk: Buffer, encoding: BufferEncoding, done: TransformCallback): void {
    const now = this.clock.now();
    this.credit = Math.min(burstBytes, this.credit + (now - this.creditedAt) * bytesPerMs);
    this.creditedAt = now;
    if (this.credit >= Math.min(chunk.length, burstBytes)) {
      this.credit -= chunk.length;
      done(null, chunk);
    } else {
      this.timer = this.clock.setTimer(1, () => this._transform(chunk, encoding, done));
    }
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.timer?.cancel();
    done(error);
  }
}
