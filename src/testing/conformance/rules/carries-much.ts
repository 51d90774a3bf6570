import { Breach } from '../breach.js';
import { payload, receive, send, sha256 } from '../payload.js';
import type { Rule } from '../rule.js';

const length = 16 * 1024 * 1024;

export const carriesMuch: Rule = {
  name: 'carries 16 MiB unharmed',
  why: 'Counters that overflow, windows that close and buffers that are used twice show after megabytes only.',
  async check(trial) {
    const { controlling, controlled } = await trial.openPath();
    const data = payload(length);
    const [received] = await trial.within(
      Promise.all([receive(controlled, length), send(controlling, data)]),
      120_000,
      '16 MiB arrive',
    );
    const [expected, happened] = [sha256(data), sha256(received)];
    if (happened !== expected) throw new Breach(`what arrives has the SHA-256 ${expected}`, `it has ${happened}`);
  },
};
