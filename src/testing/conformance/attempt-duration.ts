import { describeError } from '../../core/errors.js';
import { Breach } from './breach.js';
import type { Trial } from './trial.js';

/** How long an attempt takes at the quicker end, in milliseconds. @throws Breach when there is no path */
export async function measure(trial: Trial): Promise<number> {
  const startedAt = trial.clock.now();
  const { controlling, controlled } = trial.start();
  const both = [controlling.raw, controlled.raw];
  const first = Promise.any(both).then(
    () => trial.clock.now() - startedAt,
    () => 0,
  );
  const paths = await Promise.all(both).catch((error: unknown) => {
    if (error instanceof Breach) throw error;
    const { code, message } = describeError(error);
    throw new Breach('both ends get a path', `an attempt was rejected with ${code}: ${message}`);
  });
  for (const path of paths) path.destroy();
  return first;
}
