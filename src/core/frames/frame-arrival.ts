/** What came of a frame says how fast it came when it is so much, in bytes. */
const tellingBytes = 16 * 1024;
/** An estimate may be wrong by a quarter before a lone frame is late for it, and a timer may be late by a millisecond. */
const safeShare = 0.75;
const timerMs = 1;
/** No estimate is trusted for longer, in milliseconds: one of a path that has stood still is bad. */
const longestMs = 8;

/**
 * When to look again at a path on which a long frame is under way. On a slow line each of its dozens of segments wakes up whoever waits
 * for them, to no use before the last. Its rest comes as fast as the last long frame did, so there is time to look away.
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
  private lookedAway = false;

  /**
   * So many bytes have come, after which the frame under way lacks so many (0: none is under way).
   * @param now in milliseconds
   * @returns for how many milliseconds to look away, 0 to 8
   */
  take(count: number, missing: number, now: number): number {
    if (this.missing > 0) this.came += count;
    if (count >= this.missing) {
      if (this.came >= tellingBytes && now > this.beganAt) this.learn(this.came / (now - this.beganAt), count > this.missing);
      this.beganAt = now;
      this.came = 0;
    }
    this.missing = missing;
    const pauseMs = this.pauseMs();
    this.lookedAway = pauseMs > 0;
    return pauseMs;
  }

  /** A frame has ended. Who was looking away then, and finds nothing behind it, does not know when: he looks sooner the next time. */
  private learn(rate: number, inFlow: boolean): void {
    this.rate = this.lookedAway && !inFlow ? Math.max(rate, 2 * this.rate) : rate;
    this.inFlow = inFlow;
  }

  /** A frame in a flow may be late by a timer's lateness, for the line brings the next one meanwhile; one that is alone may not. */
  private pauseMs(): number {
    if (this.rate === 0) return 0;
    const restMs = this.missing / this.rate;
    const safeMs = this.inFlow ? restMs : Math.min(safeShare * restMs, restMs - timerMs);
    return Math.max(0, Math.floor(Math.min(longestMs, safeMs)));
  }
}
