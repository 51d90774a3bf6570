import { untilAborted } from '../../../core/aborted.js';
import type { Role } from '../../../core/strategy.js';
import type { Conduct } from '../end.js';
import { expectRejection } from '../rejection.js';
import type { Rule } from '../rule.js';
import { attemptLimitMs, other } from '../trial.js';

/** An agent that takes the attempt and then says and does nothing. */
const silent: Conduct = {
  instead: ({ signal }) => untilAborted(signal),
};

export const givesUp: Rule = {
  name: 'gives up by itself when the other end never says a word',
  why: `The agent cuts an attempt off after ${attemptLimitMs / 1000} s, and then nobody learns what was wrong.`,
  async check(trial) {
    const check = async (role: Role) => {
      const { [role]: running } = trial.start({ [other(role)]: silent });
      const when = `by itself at the ${role} end, when the other end is silent,`;
      await expectRejection(running.raw, { trial, when, limitMs: attemptLimitMs - 1000 });
      await trial.end(role).expectNothingHeld('an attempt with a silent peer was given up');
    };
    await Promise.all([check('controlling'), check('controlled')]);
  },
};
