import { Breach } from '../breach.js';
import type { Rule } from '../rule.js';
import type { Trial } from '../trial.js';

/** How long closing may take, in milliseconds: it has to fit into what a stopping agent has. */
export const closeLimitMs = 2000;

export const leavesNothing: Rule = {
  name: 'leaves nothing behind when a path is over',
  why: 'An agent opens paths for months: sockets, timers and mappings that stay add up, and a mapping is an open door.',
  async check(trial) {
    const { controlling, controlled } = await trial.openPath();
    controlling.destroy();
    controlled.destroy();
    await trial.expectNothingHeld('both ends have destroyed the path');
    await closeBoth(trial);
    await trial.expectNothingHeld('close() has resolved');
    expectNoMappings(trial, 'close() has resolved');
  },
};

export async function closeBoth(trial: Trial): Promise<void> {
  const closing = Promise.all(trial.both.map(async ({ strategy }) => strategy.close?.()));
  await trial.within(closing, closeLimitMs, 'close() resolves');
}

export function expectNoMappings(trial: Trial, when: string): void {
  const mappings = trial.network.mappings();
  if (mappings.length === 0) return;
  const ports = mappings.map(({ port }) => port).join(', ');
  throw new Breach(`no mapping is left after ${when}`, `the gateway still maps to port ${ports} of the strategy’s host`);
}
