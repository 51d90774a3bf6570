/** Payload bytes of the largest segment: what an IPv6 packet of 1,500 bytes carries, less some options. */
export const maxSegment = 1400;

/** How much may be under way: slow start, congestion avoidance and fast recovery (RFC 5681, RFC 6582). */
export class CongestionWindow {
  bytes = 10 * maxSegment;
  private threshold = Number.POSITIVE_INFINITY;
  private duplicates = 0;
  /** While below, what is acknowledged only in part is sent again at once. */
  private recoverUntil = 0;

  acknowledged(bytes: number, upTo: number): 'go-on' | 'send-again' {
    this.duplicates = 0;
    if (upTo < this.recoverUntil) return 'send-again';
    this.bytes += this.bytes < this.threshold ? bytes : (maxSegment * bytes) / this.bytes;
    return 'go-on';
  }

  /** @returns whether it is the third in a row, which means that a segment was lost */
  duplicate(sentUpTo: number): boolean {
    this.duplicates += 1;
    if (this.duplicates !== 3 || sentUpTo <= this.recoverUntil) return false;
    this.halve(sentUpTo);
    return true;
  }

  timedOut(sentUpTo: number): void {
    this.halve(sentUpTo);
    this.bytes = 2 * maxSegment;
  }

  private halve(sentUpTo: number): void {
    this.threshold = Math.max(2 * maxSegment, this.bytes / 2);
    this.bytes = this.threshold;
    this.recoverUntil = sentUpTo;
    this.duplicates = 0;
  }
}
