import type { Clock, Timer } from '../../core/clock.js';
import { StrategyError } from '../../core/errors.js';
import type { Allowance } from './allowance.js';
import type { Reservation } from './reservations.js';

/** How often time is counted at least, in milliseconds: circuits that go on together overstay by no more than this. */
const stepMs = 10_000;

/** Counts the time of a reservation until it ends, and ends it when its owner, or all together, have used the day's up. */
export function countTime(reservation: Reservation, allowance: Allowance, clock: Clock): void {
  const { owner, ended } = reservation;
  let countedAt = clock.now();
  let timer: Timer;
  const count = () => {
    const now = clock.now();
    allowance.spendTime(owner, now - countedAt);
    countedAt = now;
  };
  const goOn = () => {
    timer = clock.setTimer(Math.min(stepMs, allowance.timeLeft(owner)), () => {
      count();
      if (allowance.timeLeft(owner) > 0) return goOn();
      return reservation.end(new StrategyError('RELAY_TIME_SPENT', 'The time of circuits in a day is spent.'));
    });
  };
  const stop = () => {
    timer.cancel();
    count();
  };
  goOn();
  ended.addEventListener('abort', stop, { once: true });
}
