import type { Path } from '../../../core/strategy.js';
import { measure } from '../attempt-duration.js';
import { Breach } from '../breach.js';
import { expectStrategyError } from '../rejection.js';
import type { Rule } from '../rule.js';
import { attemptLimitMs, type Trial } from '../trial.js';
import { closeBoth } from './leaves-nothing.js';

/** How far attempts have come when the other end vanishes, as parts of the time that one takes. */
const parts = Array.from({ length: 12 }, (_, index) => (index + 1) / 12.5);

export const losesItsPeer: Rule = {
  name: 'gives up by itself when the other end vanishes in the middle of an attempt',
  why: 'Machines fall asleep and networks go away without a word.',
  skip: (_, { losesPackets, name }) => (losesPackets ? undefined : `nobody can vanish on the ${name}`),
  async check(trial) {
    const durationMs = await measure(trial);
    const attempts = parts.map(async (part) => {
      await trial.sleep((1 - part) * durationMs);
      return trial.start();
    });
    await trial.sleep(durationMs);
    trial.vanish();
    const ends = (await Promise.all(attempts)).flatMap(({ controlling, controlled }) => [controlling, controlled]);
    // The agent would cut the first of them off then.
    const limitMs = attemptLimitMs - durationMs - 100;
    await Promise.all(ends.filter(({ begun }) => begun).map(({ raw }) => endsByItself(raw, limitMs, trial)));
    await trial.expectNothingHeld('the other end has vanished and every attempt has ended');
    await closeBoth(trial);
  },
};

async function endsByItself(raw: Promise<Path>, limitMs: number, trial: Trial): Promise<void> {
  const when = 'when the other end has vanished';
  try {
    // One that was nearly there may have its path all the same.
    (await trial.within(raw, limitMs, `attempt ends by itself ${when}`)).destroy();
  } catch (error) {
    if (error instanceof Breach) throw error;
    expectStrategyError(error, { when });
  }
}
