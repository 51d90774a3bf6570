/** What came of a frame says how fast it came when it is so much, in bytes. */
const tellingBytes = 16 * 1024;
/** A lone frame is looked at again when so much of the time is over that it should take: an estimate may be wrong. */
const safeShare = 0.75;
/** By how much a timer is late, in milliseconds, as long as none was later, and what becomes with each frame of one that was. */
const timerMs = 1;
const lateFade = 0.95;
/** No estimate is trusted for longer, in milliseconds: one of a path that has stood still is bad. */
const longestMs = 8;
/** Less than some segments in the meantime is not worth a timer, in bytes. */
const worthBytes = 8 * 1024;

/**
 * When to look again at a path on which a long frame is under way. On a slow line each of its dozens of segments wakes up whoever waits
 * for them, to no use before the last. Its rest comes as fast as the last long frame did, so there is time to look away. All times
 * are in milliseconds.
 */
export class FrameArrival {
  /** What the frame under way lacks, in bytes; 0 between frames. */
  private missing = 0;
  /** When the first part of it came, and what has come since. */
  private beganAt = 0;
  private came = 0;
  /** Bytes a millisecond of the last frame that could tell; 0 before there was one. */
  private rate = 0;
  /** More had come behind that frame when its end was seen. */
  private inFlow = false;
  /** Who has looked away meant to look again then. */
  private backAt: number | undefined;
  private lateMs = timerMs;

  /** So many bytes have come, after which the frame under way lacks so many (0: none is under way). */
  take(count: number, missing: number, now: number): void {
    if (this.missing > 0) this.came += count;
    if (count >= this.missing) {
      if (this.came >= tellingBytes && now > this.beganAt) this.learn(this.came / (now - this.beganAt), count > this.missing);
      this.beganAt = now;
      this.came = 0;
    }
    this.backAt = undefined;
    this.missing = missing;
  }

  /** Asked when all that there was has been taken. @returns for how long to look away, 0 to 8 */
  lookAwayMs(now: number): number {
    if (this.rate === 0) return 0;
    const restMs = this.missing / this.rate;
    // A frame in a flow may be late a little, for the line brings the next one meanwhile; one that is alone may not.
    const safeMs = this.inFlow ? restMs - this.lateMs + timerMs : Math.min(safeShare * restMs, restMs - this.lateMs);
    const pauseMs = Math.floor(Math.min(longestMs, safeMs));
    if (pauseMs * this.rate < worthBytes) return 0;
    this.backAt = now + pauseMs;
    return pauseMs;
  }

  /** The time to look again has come, sooner or later. */
  lookAgain(now: number): void {
    if (this.backAt !== undefined) this.lateMs = Math.max(this.lateMs, now - this.backAt);
  }

  /** A frame has ended. Who was looking away then, and finds nothing behind it, does not know when: he looks sooner the next time. */
  private learn(rate: number, inFlow: boolean): void {
    this.rate = this.backAt !== undefined && !inFlow ? Math.max(rate, 2 * this.rate) : rate;
    this.inFlow = inFlow;
    this.lateMs = Math.max(timerMs, lateFade * this.lateMs);
  }
}
