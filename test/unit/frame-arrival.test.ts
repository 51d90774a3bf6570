import { describe, expect, it } from 'vitest';
import { FrameArrival } from '../../src/core/frames/frame-arrival.js';

const frameBytes = 65_000;
const segmentBytes = 1000;

/** A path on which long frames come, one after the other, so many bytes each millisecond. Times are in milliseconds. */
function path() {
  const arrival = new FrameArrival();
  let now = 0;
  return {
    arrival,
    /** One frame, looked at whenever there is something new and nobody looks away. @returns how often, and how late its end was seen */
    frame(bytesPerMs: number) {
      const endsAt = now + frameBytes / bytesPerMs;
      let looks = 0;
      let seen = 0;
      let missing = frameBytes;
      while (missing > 0) {
        now += segmentBytes / bytesPerMs;
        const there = Math.min(frameBytes, Math.round(frameBytes - (endsAt - now) * bytesPerMs));
        missing = frameBytes - there;
        // A timer may be late by a millisecond.
        const pauseMs = arrival.take(there - seen, missing, now);
        if (pauseMs > 0) now += pauseMs + 0.9;
        seen = there;
        looks++;
      }
      return { looks, late: now - endsAt };
    },
  };
}

describe('when to look at a path again on which a frame is under way', () => {
  it('is at once while nothing is known of it', () => {
    const { arrival } = path();
    expect(arrival.take(1000, 64_000, 0)).toBe(0);
    expect(arrival.take(1000, 63_000, 5)).toBe(0);
  });

  it('is at once between frames, and on a path that brings them in less than a millisecond', () => {
    const { arrival, frame } = path();
    frame(100);
    expect(arrival.take(100, 0, 10_000)).toBe(0);
    const fast = path();
    for (let count = 0; count < 10; count++) expect(fast.frame(100_000).looks).toBe(frameBytes / segmentBytes);
  });

  it.each([2000, 12_000, 25_000])('is a few times a frame at %i bytes a millisecond, and hardly late', (bytesPerMs) => {
    const { frame } = path();
    expect(frame(bytesPerMs).looks).toBe(frameBytes / segmentBytes);
    for (let count = 0; count < 50; count++) {
      const { looks, late } = frame(bytesPerMs);
      expect(looks).toBeLessThan(frameBytes / segmentBytes / 2);
      expect(late).toBeLessThan(0.5);
    }
  });

  it('is a few times a frame in a flow, and late by a timer’s lateness at most', () => {
    const arrival = new FrameArrival();
    const bytesPerMs = 12_000;
    let now = 0;
    let seen = 0;
    let looks = 0;
    while (now < 1000) {
      now += segmentBytes / bytesPerMs;
      const there = Math.floor(now * bytesPerMs);
      const end = Math.ceil(seen / frameBytes) * frameBytes;
      if (there >= end && seen < end) expect(now - end / bytesPerMs).toBeLessThan(1.1);
      const pauseMs = arrival.take(there - seen, frameBytes - (there % frameBytes), now);
      if (pauseMs > 0) now += pauseMs + 0.9;
      seen = there;
      looks++;
    }
    expect(looks).toBeLessThan((3 * 1000 * bytesPerMs) / frameBytes);
  });

  it('follows a path that becomes faster, and is late a few times', () => {
    const { frame } = path();
    for (let count = 0; count < 5; count++) frame(1000);
    const late = () => frame(60_000).late;
    const lates = [late(), late(), late(), late()];
    expect(Math.max(...lates)).toBeLessThan(9);
    expect(lates).toEqual(lates.toSorted((one, other) => other - one));
    expect(late()).toBeLessThan(0.1);
  });

  it('takes no stall and no short end of a frame for the rate of a path', () => {
    const { arrival } = path();
    arrival.take(segmentBytes, 60_000, 0);
    // A stall of a second.
    arrival.take(60_000, 0, 1000);
    expect(arrival.take(segmentBytes, 64_000, 2000)).toBe(8);
    arrival.take(64_000, 0, 2005);
    expect(arrival.take(64_500, 500, 3000)).toBe(0);
    // The last 500 bytes are late, which says nothing.
    arrival.take(500, 0, 3100);
    expect(arrival.take(segmentBytes, 64_000, 4000)).toBeLessThan(4);
  });
});
