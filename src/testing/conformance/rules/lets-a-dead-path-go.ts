import type { Rule } from '../rule.js';
import { closeBoth } from './leaves-nothing.js';

export const letsADeadPathGo: Rule = {
  name: 'lets go of a path whose other end has vanished',
  why: 'There is nobody to answer a farewell: what waits for one waits for ever.',
  skip: (_, { losesPackets, name }) => (losesPackets ? undefined : `nobody can vanish on the ${name}`),
  async check(trial) {
    const { controlling, controlled } = await trial.openPath();
    trial.vanish();
    for (const path of [controlling, controlled]) path.write('to nobody');
    for (const path of [controlling, controlled]) path.destroy();
    await trial.expectNothingHeld('both ends have destroyed a path whose other end has vanished');
    await closeBoth(trial);
    await trial.expectNothingHeld('close() has resolved');
  },
};
