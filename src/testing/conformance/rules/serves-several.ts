import { expectSame, payload, receive, send } from '../payload.js';
import type { Rule } from '../rule.js';

const count = 3;
const length = 20_000;

export const servesSeveral: Rule = {
  name: 'opens several paths at once, each with its own bytes',
  why: 'One strategy serves all peers of an agent.',
  skip: ({ several = true }) => (several ? undefined : 'supports.several is false'),
  async check(trial) {
    const paths = await Promise.all(Array.from({ length: count }, () => trial.openPath()));
    await Promise.all(
      paths.map(async ({ controlling, controlled }, index) => {
        const data = payload(length, index);
        const [received] = await trial.within(
          Promise.all([receive(controlled, length), send(controlling, data)]),
          10_000,
          'the bytes of each path arrive',
        );
        expectSame(received, data, `on path ${index + 1} of ${count}`);
      }),
    );
  },
};
