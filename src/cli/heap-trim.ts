import { performance } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Clock, every, type Timer } from '../core/clock.js';

/** How often is looked whether there is something to give back, in milliseconds. */
const lookMs = 20_000;
/** Part of the time that JavaScript may run for the process to count as quiet. */
const quietShare = 0.05;
/** Bytes of V8's young generation that are not worth a collection. */
const smallBytes = 5e6;

/**
 * Gives back what a busy time has left, once it is over. V8 lets the young generation grow to 32 MB and more while many bridges are made at once,
 * and a process that rests collects too little garbage ever to notice that it needs no such thing. What the start alone leaves to malloc, of
 * compiling most of it, is 6 MB. @param release what gives the system back what malloc has free, if that can be had @returns what ends it
 */
export function trimHeap(clock: Clock, release?: () => void): Timer {
  let last = performance.eventLoopUtilization();
  let wasBusy = true;
  return every(clock, lookMs, () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    const quiet = utilization < quietShare;
    if (quiet && (wasBusy || youngBytes() > smallBytes)) {
      exposeCollector()?.();
      release?.();
    }
    wasBusy = !quiet;
  });
}

function youngBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0;
}

/** V8 shows it to contexts that are made while the flag is set, and to no other code. @returns undefined where it does not */
function exposeCollector(): (() => void) | undefined {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('globalThis.gc') as (() => void) | undefined;
  setFlagsFromString('--no-expose-gc');
  return collect;
}
