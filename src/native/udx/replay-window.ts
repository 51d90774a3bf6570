/** How far behind the newest a beat may come. */
const windowLength = 64;

/** Tells what comes for the first time from what comes again, order aside (RFC 4303 section 3.4.3). */
export class ReplayWindow {
  private newest = 0;
  private readonly seen = new Set<number>();

  /** @returns `newest` beyond all before, `late` for what was overtaken, `stale` for what came before or far too late */
  take(count: number): 'newest' | 'late' | 'stale' {
    if (count <= this.newest - windowLength || this.seen.has(count)) return 'stale';
    this.seen.add(count);
    if (count < this.newest) return 'late';
    this.newest = count;
    for (const old of this.seen) if (old <= count - windowLength) this.seen.delete(old);
    return 'newest';
  }
}
