import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { getHeapSpaceStatistics } from 'node:v8';
import { expect, it, vi } from 'vitest';
import { trimHeap } from '../../src/cli/heap-trim.js';
import { FakeClock } from './fake-clock.js';

const smallBytes = 5e6;
const youngBytes = () => getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0;

/** Garbage that lives for a while, which makes V8 enlarge the young generation. */
function crowd(): void {
  for (let rounds = 0; rounds < 1000 && youngBytes() <= smallBytes; rounds++) {
    const living: object[] = [];
    for (let count = 0; count < 50_000; count++) living.push({ count });
  }
}

it('gives back what malloc has free when a busy time is over, the start being one', async () => {
  const clock = new FakeClock();
  let utilization = 0;
  const measured = vi.spyOn(performance, 'eventLoopUtilization').mockImplementation(() => ({ idle: 0, active: 0, utilization }));
  let released = 0;
  const trimming = trimHeap(clock, () => released++);
  try {
    const releasedBy = async (share: number) => {
      const before = released;
      utilization = share;
      await clock.advance(20_000);
      return released - before;
    };
    expect([await releasedBy(0.5), await releasedBy(0.01), await releasedBy(0.5), await releasedBy(0.01)]).toEqual([0, 1, 0, 1]);
  } finally {
    trimming.cancel();
    measured.mockRestore();
  }
});

it('gives the young generation back once the process is quiet', async () => {
  const clock = new FakeClock();
  const trimming = trimHeap(clock);
  crowd();
  expect(youngBytes()).toBeGreaterThan(smallBytes);
  await clock.advance(20_000);
  await expect
    .poll(
      async () => {
        await delay(500);
        await clock.advance(20_000);
        return youngBytes();
      },
      { timeout: 15_000 },
    )
    .toBeLessThanOrEqual(smallBytes);
  trimming.cancel();
  expect(clock.pending).toBe(0);
}, 20_000);
