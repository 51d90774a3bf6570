import type { Clock } from '../../core/clock.js';
import type { Ledger } from './ledger.js';

/** A clock whose pending timers are in the ledger. */
export function countedClock(clock: Clock, ledger: Ledger): Clock {
  return {
    now: () => clock.now(),
    wallTime: () => clock.wallTime(),
    setTimer(delayMs, callback) {
      const release = ledger.hold(`a timer of ${Math.round(delayMs)} ms`);
      const timer = clock.setTimer(delayMs, () => {
        release();
        callback();
      });
      return {
        cancel() {
          release();
          timer.cancel();
        },
      };
    },
  };
}
