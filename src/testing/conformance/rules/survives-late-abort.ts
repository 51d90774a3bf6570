import { expectSame, payload, receive, send } from '../payload.js';
import type { Rule } from '../rule.js';

const length = 10_000;

export const survivesLateAbort: Rule = {
  name: 'keeps the path when its signal aborts after it was handed over',
  why: 'When an attempt has won, the agent ends the climb and with it the signals of all its attempts.',
  async check(trial) {
    const climb = new AbortController();
    const conduct = { signal: climb.signal };
    const { controlling, controlled } = await trial.openPath({ controlling: conduct, controlled: conduct });
    climb.abort(new DOMException('The climb is over.', 'AbortError'));
    await trial.sleep(1000);
    const data = payload(length);
    const exchange = Promise.all([receive(controlled, length), receive(controlling, length)]);
    const [there, back] = await trial.within(
      Promise.all([exchange, send(controlling, data), send(controlled, data)]).then(([both]) => both),
      10_000,
      'the path still carries bytes after the abort',
    );
    expectSame(there, data, 'after the abort');
    expectSame(back, data, 'after the abort');
  },
};
