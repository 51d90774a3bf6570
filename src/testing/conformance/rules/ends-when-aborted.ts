import type { Role } from '../../../core/strategy.js';
import { measure } from '../attempt-duration.js';
import { Breach } from '../breach.js';
import { expectStrategyError } from '../rejection.js';
import type { Rule } from '../rule.js';
import { other, type Trial } from '../trial.js';
import { closeBoth, expectNoMappings } from './leaves-nothing.js';

/** When an attempt is aborted, as parts of the time that one takes. */
const moments = [0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97];
/** How soon an aborted attempt rejects, in milliseconds. */
const limitMs = 2000;
/** A path that was there when the abort came may still be handed over within so long, in milliseconds: the agent destroys it. */
const handingOverMs = 1000;

export const endsWhenAborted: Rule = {
  name: 'rejects soon when it is aborted in the middle, and leaves nothing behind',
  why: 'Another strategy has won, the session has ended or the agent stops: what goes on then goes on for nobody.',
  async check(trial) {
    const durationMs = await measure(trial);
    for (const [index, part] of moments.entries()) {
      await abortAt(part, part * durationMs, index % 2 === 0 ? 'controlling' : 'controlled', trial);
    }
    await closeBoth(trial);
    expectNoMappings(trial, 'attempts that were aborted, and close()');
  },
};

async function abortAt(part: number, afterMs: number, role: Role, trial: Trial): Promise<void> {
  const when = `when it is aborted after ${Math.round(part * 100)} % of the time it takes, at the ${role} end`;
  const aborting = new AbortController();
  const running = trial.start({ [role]: { signal: aborting.signal } });
  await trial.sleep(afterMs);
  const reason = new DOMException('The test aborts the attempt.', 'AbortError');
  const abortedAt = trial.clock.now();
  aborting.abort(reason);
  for (const end of [role, other(role)]) {
    const outcome = running[end].raw.then(
      (path) => {
        path.destroy();
        return { path, at: trial.clock.now() };
      },
      (error: unknown) => ({ error }),
    );
    const settled = await trial.within(outcome, limitMs, `attempt rejects at the ${end} end ${when}`);
    // The end that was not aborted hears of it later, and may have its path by then.
    if ('error' in settled) expectStrategyError(settled.error, { when, reason: end === role ? reason : settled.error });
    else if (end === role && settled.at > abortedAt + handingOverMs) {
      throw new Breach(`attempt rejects ${when}`, 'it went on and resolved with a path');
    }
  }
  await trial.expectNothingHeld(
    `an attempt was aborted after ${Math.round(part * 100)} % of the time it takes, at the ${role} end`,
  );
}
