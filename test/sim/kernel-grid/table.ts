import { readFileSync } from 'node:fs';
import type { KernelOutcome } from './outcome.js';

export interface Agreement {
  readonly a: string;
  readonly b: string;
  /** What real kernels and real routers did. */
  readonly measured: KernelOutcome;
  /** What the page says that the simulated network does; undefined where it says nothing. */
  readonly simulated: KernelOutcome | undefined;
}

/** Every pair that was measured, as docs/nat-grid.md has it. */
export function readAgreements(): readonly Agreement[] {
  const page = readFileSync(new URL('../../../docs/nat-grid.md', import.meta.url), 'utf8');
  const simulated = new Map(
    [...page.matchAll(/^\| (\w+ – \w+) \| [a-z-]+, [a-z]+ \| ([a-z, -]+) \|$/gm)].map(([, pair, outcome]) => [pair, outcome]),
  );
  return [...page.matchAll(/^\| (\w+) – (\w+) \| ([a-z-]+) \| (direct|relayed) \|/gm)].map(
    ([, a = '', b = '', strategy, kind]) => ({
      a,
      b,
      measured: `${strategy}, ${kind}`,
      simulated: simulated.get(`${a} – ${b}`),
    }),
  );
}

/** The section of the page that sets both beside each other. */
export function agreementSection(agreements: readonly Agreement[]): string {
  const same = agreements.filter(({ measured, simulated }) => measured === simulated).length;
  return [
    '# The same pairs on the simulated network',
    '',
    `What carries the bridge in the end, by real kernels and routers and in simulation: the same in ${same} of ${agreements.length} pairs.`,
    '`npx vitest run --project sim kernel-grid` runs them all again and compares.',
    '',
    '| pair | kernels | simulation |',
    '| --- | --- | --- |',
    ...agreements.map(({ a, b, measured, simulated = 'unknown' }) => `| ${a} – ${b} | ${measured} | ${simulated} |`),
    '',
  ].join('\n');
}
