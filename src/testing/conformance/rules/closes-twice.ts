import { describeError } from '../../../core/errors.js';
import { Breach } from '../breach.js';
import type { Rule } from '../rule.js';
import { closeLimitMs } from './leaves-nothing.js';

export const closesTwice: Rule = {
  name: 'closes twice, whatever it did before',
  why: 'An agent may be stopped from several sides at once, before its first attempt or after its last.',
  async check(trial) {
    const paths = await trial.openPath();
    for (const path of Object.values(paths)) path.destroy();
    for (const { strategy, role } of trial.both) {
      const close = async (which: string) => {
        try {
          await trial.within((async () => strategy.close?.())(), closeLimitMs, `${which} close() of the ${role} end resolves`);
        } catch (error) {
          if (error instanceof Breach) throw error;
          throw new Breach(`${which} close() of the ${role} end resolves`, `it rejected: ${describeError(error).message}`);
        }
      };
      await Promise.all([close('the first'), close('a simultaneous')]);
      await close('a later');
    }
  },
};
