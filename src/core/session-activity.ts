/** How long bytes announced as our own may take to show up in the session's counters, in milliseconds. */
const creditLifetimeMs = 10_000;
/** Time constant of the averaged rate, in milliseconds. */
const rateWindowMs = 10_000;

/**
 * Tells a session's own traffic from what our signalling adds to it, from samples of its byte counters. Without that, meeting a
 * peer would itself keep the session alive that is the reason to meet it.
 */
export class SessionActivity {
  /** Bytes a second that are not ours, averaged over some ten seconds. */
  rate = 0;
  /** Bytes so far that are not ours. */
  foreignBytes = 0;

  private lastTotal = 0;
  private lastSampleAt: number | undefined;
  private credit = 0;
  private creditExpires = 0;

  /** We are about to cause this many bytes on the session, or have just done so; better too many than too few. */
  creditOwn(bytes: number, now: number): void {
    if (now > this.creditExpires) this.credit = 0;
    this.credit += bytes;
    this.creditExpires = now + creditLifetimeMs;
  }

  /** What was announced has been counted otherwise. */
  clearCredit(): void {
    this.credit = 0;
  }

  /** The session is gone: the next one counts from nought. */
  sessionEnded(): void {
    this.lastTotal = 0;
  }

  /** @param total bytes in and out since the session began; less than before means that a new session began */
  sample(total: number, now: number): void {
    const grown = total >= this.lastTotal ? total - this.lastTotal : total;
    this.lastTotal = total;
    if (now > this.creditExpires) this.credit = 0;
    const own = Math.min(grown, this.credit);
    this.credit -= own;
    const foreign = grown - own;
    this.foreignBytes += foreign;
    if (this.lastSampleAt !== undefined && now > this.lastSampleAt) {
      const elapsed = now - this.lastSampleAt;
      const weight = 1 - Math.exp(-elapsed / rateWindowMs);
      this.rate += weight * ((foreign * 1000) / elapsed - this.rate);
    }
    this.lastSampleAt = now;
  }
}
