import { Breach } from '../breach.js';
import { expectStrategyError } from '../rejection.js';
import type { Rule } from '../rule.js';
import { attemptLimitMs } from '../trial.js';

export const rejectsWithoutSockets: Rule = {
  name: 'rejects with a StrategyError when the system gives it no sockets',
  why: 'What goes wrong is told to the operator by its code, with a sentence and a next step.',
  async check(trial) {
    for (const { ledger } of trial.both) ledger.refuse();
    const { controlling, controlled } = trial.start();
    const when = 'when every call of net fails with EACCES';
    const first = await trial.within(
      Promise.allSettled([controlling.raw, controlled.raw]),
      attemptLimitMs - 1,
      `attempt rejects ${when}`,
    );
    const failed = first.filter((outcome) => outcome.status === 'rejected');
    if (failed.length === 0) {
      throw new Breach(
        'a strategy opens sockets by net of its services alone',
        'it opened a path although net refused every socket',
      );
    }
    // The other end hears of it, and rejects with what it hears.
    const own = failed.filter(({ reason }) => (reason as { code?: unknown }).code !== 'PEER_ENDED');
    for (const { reason } of own) expectStrategyError(reason, { when });
    await trial.expectNothingHeld('net refused every socket');
  },
};
