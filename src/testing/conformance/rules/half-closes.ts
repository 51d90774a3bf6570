import { expectSame, payload, receiveAll, send } from '../payload.js';
import type { Rule } from '../rule.js';

export const halfCloses: Rule = {
  name: 'goes on in one direction when the other has ended',
  why: 'An end that has said its last word may still have much to read; cutting it short loses data.',
  skip: ({ halfClose = true }) => (halfClose ? undefined : 'supports.halfClose is false'),
  async check(trial) {
    const { controlling, controlled } = await trial.openPath();
    const [question, answer] = [payload(50_000, 1), payload(200_000, 2)];
    const heard = Promise.all([receiveAll(controlled), receiveAll(controlling)]);
    heard.catch(() => {});
    await send(controlling, question);
    controlling.end();
    const ended = new Promise<void>((resolve) => controlled.once('end', resolve));
    await trial.within(ended, 10_000, 'the controlled end reads the end of the controlling one’s direction');
    await trial.within(send(controlled, answer), 10_000, 'the controlled end writes on after that');
    controlled.end();
    const [there, back] = await trial.within(heard, 10_000, 'the controlling end reads what came after its own end');
    expectSame(there, question, 'before the end');
    expectSame(back, answer, 'after the other direction has ended');
  },
};
