import type { Clock } from '../../core/clock.js';

/** A clock that goes faster than another: deadlines pass sooner. */
export function hurriedClock(clock: Clock, factor: number): Clock {
  const since = { now: clock.now(), wallTime: clock.wallTime() };
  return {
    now: () => since.now + (clock.now() - since.now) * factor,
    wallTime: () => since.wallTime + (clock.wallTime() - since.wallTime) * factor,
    setTimer: (delayMs, callback) => clock.setTimer(delayMs / factor, callback),
  };
}
