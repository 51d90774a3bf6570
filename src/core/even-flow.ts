/** What passes at once after a pause, in bytes: one packet as large as a router makes them, with its head. */
const burstBytes = 72 * 1024;
/** At higher rates it is what passes in so many milliseconds: a timer is no finer. */
const burstMs = 1;
/** So little is not worth waking up for. */
const grainBytes = burstBytes / 2;
/** What passes in the long run whatever came before, in bytes a millisecond: 524 Mbit/s. */
const leastRate = 64 * 1024;
/** The rate is four times what passed in the last so many milliseconds, so that it finds its way to any that the path can keep up. */
const periodMs = 50;
/** From here on a path is fast, in bytes a millisecond: 256 Mbit/s. */
const fastRate = 32 * 1024;

/**
 * When bytes may go on to the router, so that they come without bursts. A path that has made up for a loss has everything since at once,
 * and a router keeps no more than 128 KiB that it has not decrypted yet (yggdrasil 0.5: two packets less a few bytes): it would drop the
 * rest, and each drop halves the flow of a TCP connection inside. docs/data-path.md has what that makes.
 */
export class EvenFlow {
  private credit = burstBytes;
  private creditedAt: number;
  private rate = leastRate;
  private isFast = false;
  private periodAt: number;
  private passed = 0;

  /** @param now in milliseconds */
  constructor(now: number) {
    this.creditedAt = now;
    this.periodAt = now;
  }

  /** Has more than 256 Mbit/s come of late? */
  get fast(): boolean {
    return this.isFast;
  }

  /** So many bytes have gone on; what is too much of them is paid off later. @returns in how many ms more may pass: 0 is now */
  pass(count: number, now: number): number {
    this.earn(now);
    this.credit -= count;
    this.passed += count;
    return this.credit >= grainBytes ? 0 : Math.ceil((grainBytes - this.credit) / this.rate);
  }

  private earn(now: number): void {
    const period = now - this.periodAt;
    if (period >= periodMs) {
      this.rate = Math.max(leastRate, (4 * this.passed) / period);
      this.isFast = this.passed > fastRate * period;
      this.periodAt = now;
      this.passed = 0;
    }
    const burst = Math.max(burstBytes, this.rate * burstMs);
    this.credit = Math.min(burst, this.credit + (now - this.creditedAt) * this.rate);
    this.creditedAt = now;
  }
}
