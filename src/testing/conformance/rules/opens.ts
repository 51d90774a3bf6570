import { describeError } from '../../../core/errors.js';
import type { Path, Role } from '../../../core/strategy.js';
import { Breach } from '../breach.js';
import type { Rule } from '../rule.js';
import type { Running, Trial } from '../trial.js';

export const opens: Omit<Rule, 'name'> = {
  why: 'The agent hands the router a stream that both ends have agreed on, and tells people what it is.',
  async check(trial) {
    const running = trial.start();
    for (const role of ['controlling', 'controlled'] as const) await expectPath(running[role], role, trial);
    const found = await running.controlling.proven;
    await found.start(new AbortController().signal);
    await running.controlled.proven;
  },
};

async function expectPath({ raw }: Running, role: Role, trial: Trial): Promise<void> {
  const kind = trial.supports.kind ?? 'direct';
  const path: Partial<Path> = await raw.catch((error: unknown) => {
    if (error instanceof Breach) throw error;
    const { code, message } = describeError(error);
    throw new Breach(`the ${role} end gets a path`, `its attempt was rejected with ${code}: ${message}`);
  });
  const { info } = path;
  if (info?.kind !== kind) {
    throw new Breach(
      `the path says at the ${role} end that it is ${kind}, by asPath(stream, { kind: '${kind}', … })`,
      info ? `it says that it is ${String(info.kind)}` : 'it has no info',
    );
  }
  for (const name of ['local', 'remote'] as const) {
    if (typeof info[name] === 'string' && /:\d+$/.test(info[name])) continue;
    throw new Breach(
      `info.${name} is address:port at the ${role} end, as formatEndpoint makes it`,
      `it is ${String(info[name])}`,
    );
  }
}
