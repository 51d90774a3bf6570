import { describe, expect, it } from 'vitest';
import { every } from '../../src/core/clock.js';
import { FakeClock } from './fake-clock.js';

describe('every', () => {
  it('calls back after each interval until it is cancelled', async () => {
    const clock = new FakeClock();
    const calls: number[] = [];
    const timer = every(clock, 1000, () => calls.push(clock.now()));
    await clock.advance(3500);
    timer.cancel();
    await clock.advance(5000);
    expect(calls).toEqual([1000, 2000, 3000]);
    expect(clock.pending).toBe(0);
  });

  it('may be cancelled by what it calls', async () => {
    const clock = new FakeClock();
    let calls = 0;
    const timer = every(clock, 1000, () => {
      calls += 1;
      timer.cancel();
    });
    await clock.advance(5000);
    expect(calls).toBe(1);
    expect(clock.pending).toBe(0);
  });
});
