import type { Path } from '../../../core/strategy.js';
import type { Rule } from '../rule.js';
import { closeBoth } from './leaves-nothing.js';

export const seesTheEnd: Rule = {
  name: 'sees it when the other end destroys the path',
  why: 'Traffic goes back to the overlay as soon as the path ends; until then it is lost.',
  async check(trial) {
    const { controlling, controlled } = await trial.openPath();
    const over = ended(controlled);
    controlling.destroy();
    await trial.within(over, 10_000, 'the path ends or breaks at the other end');
    controlled.destroy();
    await trial.expectNothingHeld('both ends have destroyed the path');
    await closeBoth(trial);
  },
};

function ended(path: Path): Promise<void> {
  return new Promise((resolve) => {
    path.once('end', resolve);
    path.once('close', resolve);
    path.resume();
  });
}
