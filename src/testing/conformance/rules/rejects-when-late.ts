import { tooLate } from '../end.js';
import { expectRejection } from '../rejection.js';
import type { Rule } from '../rule.js';

export const rejectsWhenLate: Rule = {
  name: 'rejects an attempt whose signal has aborted before it began',
  why: 'An attempt waits for its turn, and may have become pointless meanwhile.',
  async check(trial) {
    const { controlling, controlled } = trial.start({ controlling: { late: true }, controlled: { late: true } });
    const when = 'when its signal has aborted before it began';
    for (const { raw } of [controlling, controlled]) await expectRejection(raw, { trial, when, limitMs: 2000, reason: tooLate });
    await trial.expectNothingHeld('an attempt that began with an aborted signal');
  },
};
