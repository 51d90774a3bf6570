import { describe, expect, it } from 'vitest';
import { FrameArrival } from '../../src/core/frames/frame-arrival.js';

const frameBytes = 65_000;
const segmentBytes = 1000;

interface Seen {
  /** How often somebody looked, and how late the end of the frame was seen, in milliseconds. */
  readonly looks: number;
  readonly late: number;
}

/** A line that brings so many bytes a millisecond, and somebody who looks whenever a segment is there and he does not look away. */
class Line {
  readonly arrival = new FrameArrival();
  private now = 0;

  /** @param timerLate by how much his timers are late, in milliseconds */
  constructor(
    public bytesPerMs: number,
    private readonly timerLate = 0.9,
  ) {}

  /** So many frames, each of which begins when the end of the one before has been seen. */
  lone(count: number): Seen[] {
    return Array.from({ length: count }, () => this.watch(1)[0] as Seen);
  }

  /** So many frames, one behind the other. */
  flow(count: number): Seen[] {
    return this.watch(count);
  }

  /** The line stands still within a frame, while somebody looks away. */
  stand(ms: number): void {
    this.arrival.take(segmentBytes, frameBytes - segmentBytes, this.now);
    const pauseMs = this.arrival.lookAwayMs(this.now);
    expect(pauseMs).toBeGreaterThan(0);
    this.arrival.lookAgain(this.now + pauseMs + this.timerLate);
    this.now += ms;
    this.arrival.take(frameBytes - segmentBytes, 0, this.now);
  }

  private watch(count: number): Seen[] {
    const beganAt = this.now;
    const total = count * frameBytes;
    const seen: Seen[] = [];
    let taken = 0;
    let looks = 0;
    while (taken < total) {
      this.now += segmentBytes / this.bytesPerMs;
      const there = Math.min(total, Math.round((this.now - beganAt) * this.bytesPerMs));
      looks++;
      while (there >= (seen.length + 1) * frameBytes) {
        seen.push({ looks, late: this.now - beganAt - ((seen.length + 1) * frameBytes) / this.bytesPerMs });
        looks = 0;
      }
      this.arrival.take(there - taken, there === total ? 0 : frameBytes - (there % frameBytes), this.now);
      taken = there;
      const pauseMs = this.arrival.lookAwayMs(this.now);
      if (pauseMs === 0) continue;
      this.now += pauseMs + this.timerLate;
      this.arrival.lookAgain(this.now);
    }
    return seen;
  }
}

const most = (values: readonly number[]) => Math.max(...values);
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const segments = frameBytes / segmentBytes;

describe('when to look at a path again on which a frame is under way', () => {
  it('is at once while nothing is known of it', () => {
    const [first] = new Line(1000).lone(1);
    expect(first?.looks).toBe(segments);
  });

  it('is at once between frames', () => {
    const line = new Line(100);
    line.lone(3);
    expect(line.arrival.lookAwayMs(1e6)).toBe(0);
  });

  it.each([100, 800, 100_000])(
    'is at once at %i bytes a millisecond: too few in a few of these, or a frame in less than one',
    (rate) => {
      expect(new Line(rate).lone(10).map(({ looks }) => looks)).toEqual(Array(10).fill(segments));
    },
  );

  it.each([2000, 12_000, 25_000])('is a few times a lone frame at %i bytes a millisecond, and not late', (bytesPerMs) => {
    const seen = new Line(bytesPerMs).lone(50).slice(1);
    expect(most(seen.map(({ looks }) => looks))).toBeLessThan(segments / 2);
    expect(most(seen.map(({ late }) => late))).toBeLessThan(0.5);
  });

  // What is not worth a timer comes by segments.
  it.each([
    [2000, 12],
    [12_000, 3 + 8 / 12],
    [25_000, 3 + 8 / 25],
  ])('is a few times a frame of a flow at %i bytes a millisecond, and hardly late', (bytesPerMs, mostLooks) => {
    const seen = new Line(bytesPerMs).flow(50).slice(2);
    expect(mean(seen.map(({ looks }) => looks))).toBeLessThan(mostLooks);
    expect(most(seen.map(({ late }) => late))).toBeLessThan(1 + segmentBytes / bytesPerMs);
  });

  it('is at once where timers are too late for it, but for a trial now and then', () => {
    const seen = new Line(12_000, 15).flow(500).slice(2);
    const late = seen.filter(({ late }) => late > 1.1);
    expect(late.length).toBeGreaterThan(0);
    expect(late.length).toBeLessThan(seen.length / 5);
  });

  it('follows a path that becomes faster, and is late a few times', () => {
    const line = new Line(2000);
    line.lone(5);
    line.bytesPerMs = 60_000;
    const lates = line.lone(5).map(({ late }) => late);
    expect(most(lates)).toBeLessThan(9);
    expect(lates).toEqual(lates.toSorted((one, other) => other - one));
    expect(lates.at(-1)).toBeLessThan(0.1);
  });

  it('takes no stall and no short end of a frame for the rate of a path', () => {
    const { arrival } = new Line(1);
    const lookAwayMs = (count: number, missing: number, now: number) => {
      arrival.take(count, missing, now);
      return arrival.lookAwayMs(now);
    };
    lookAwayMs(segmentBytes, 60_000, 0);
    // A stall of a second, after which nothing is worth it, and a short one.
    lookAwayMs(60_000, 0, 1000);
    expect(lookAwayMs(segmentBytes, 60_000, 1100)).toBe(0);
    lookAwayMs(60_000, 0, 1150);
    expect(lookAwayMs(segmentBytes, 64_000, 2000)).toBe(8);
    lookAwayMs(64_000, 0, 2008);
    expect(lookAwayMs(64_500, 500, 3000)).toBe(0);
    // The last 500 bytes are late, which says nothing.
    lookAwayMs(500, 0, 3100);
    expect(lookAwayMs(segmentBytes, 64_000, 4000)).toBeLessThan(7);
  });

  it('takes a line that has stood still for no late timer', () => {
    const line = new Line(12_000);
    line.lone(3);
    line.stand(200);
    const seen = line.lone(4).slice(2);
    expect(most(seen.map(({ looks }) => looks))).toBeLessThan(segments / 2);
  });
});
