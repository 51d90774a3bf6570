import { Breach } from '../breach.js';
import type { Rule } from '../rule.js';

/** How long a probe may take, in milliseconds. */
const limitMs = 10_000;
const answers: readonly unknown[] = ['yes', 'no', 'unknown'];

export const answersItsProbe: Rule = {
  name: 'answers its probe, if it has one, and leaves nothing behind',
  why: '`ratatoskr strategies` asks every strategy whether it is usable here, at any time.',
  async check(trial) {
    for (const { strategy, role } of trial.both) {
      if (!strategy.probe) continue;
      const probe = await trial.within(
        (async () => strategy.probe?.({ signal: new AbortController().signal }))(),
        limitMs,
        `probe answers at the ${role} end`,
      );
      if (!answers.includes(probe?.usable)) {
        throw new Breach('probe answers with usable: yes, no or unknown', `it answered ${JSON.stringify(probe)}`);
      }
      await trial.end(role).expectNothingHeld('a probe has answered');
    }
  },
};
