import { expectSame, payload, receive, send } from '../payload.js';
import type { Rule } from '../rule.js';

const length = 300_000;
/** Of odd sizes: a reader must not see where one write ends and the next begins. */
const pieces = { there: 777, back: 4099 };

export const carriesInOrder: Rule = {
  name: 'carries bytes both ways at once, in order',
  why: 'A path is a stream: what the router writes arrives complete and in order, or the path breaks.',
  async check(trial) {
    const { controlling, controlled } = await trial.openPath();
    const [there, back] = [payload(length, 1), payload(length, 2)];
    const received = Promise.all([receive(controlled, length), receive(controlling, length)]);
    const sent = Promise.all([send(controlling, there, pieces.there), send(controlled, back, pieces.back)]);
    const [atControlled, atControlling] = await trial.within(
      Promise.all([received, sent]).then(([both]) => both),
      60_000,
      'all bytes arrive at both ends',
    );
    expectSame(atControlled, there, 'by the controlling end');
    expectSame(atControlling, back, 'by the controlled end');
  },
};
