import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { bridgeTimeCase } from './bridge-time-case.js';
import { carriersCase } from './carriers/carriers-case.js';
import { type BenchCase, type BenchOptions, say } from './case.js';
import { bridgesCase } from './crowd/bridges-case.js';
import { churnCase } from './crowd/churn-case.js';
import { pollCase } from './crowd/poll-case.js';
import { performancePage, performancePlot } from './page.js';

const cases: readonly BenchCase[] = [carriersCase, bridgeTimeCase, bridgesCase, churnCase, pollCase];

const help = `npm run bench -- [--only CASE,...] [--repeat N] [--seconds N] [--json FILE] [--docs] [--jumper PATH] [--poc DIR]

Measures, in the laboratory and on loopback:
${cases.map(({ name, about }) => `  ${name.padEnd(10)} ${about}`).join('\n')}

  --only     these alone (default: all)
  --repeat   runs of each measurement; medians count (default 3)
  --seconds  of each flow (default 4)
  --json     keeps the figures in a file; those of cases that are not run stay there, and are shown too
  --docs     writes docs/performance.md and docs/performance.svg
  --jumper   a yggdrasil-jumper to measure beside ours
  --poc      a checkout of ygg-p2p-agent to measure beside ours
`;

process.exitCode = await main();

async function main(): Promise<number> {
  const options = readOptions();
  if (typeof options === 'number') return options;
  const { only, json, docs } = options;
  const figures: Record<string, unknown> = json && existsSync(json) ? JSON.parse(readFileSync(json, 'utf8')) : {};
  for (const each of cases.filter(({ name }) => only.includes(name))) {
    const startedAt = performance.now();
    figures[each.name] = await each.measure(options);
    say(`${each.name}: ${Math.round((performance.now() - startedAt) / 1000)} s`);
    if (json) writeFileSync(json, `${JSON.stringify(figures, null, 1)}\n`);
  }
  const page = performancePage(cases, figures);
  process.stdout.write(page);
  if (docs) {
    writeFileSync(new URL('../docs/performance.md', import.meta.url), page);
    writeFileSync(new URL('../docs/performance.svg', import.meta.url), performancePlot(figures));
  }
  return 0;
}

interface Options extends BenchOptions {
  readonly only: readonly string[];
  readonly json: string | undefined;
  readonly docs: boolean;
}

/** @returns an exit code when there is nothing to run */
function readOptions(): Options | number {
  const text = (value: string) => ({ type: 'string', default: value }) as const;
  const [flag, optional] = [{ type: 'boolean', default: false } as const, { type: 'string' } as const];
  const names = cases.map(({ name }) => name);
  try {
    const { values } = parseArgs({
      options: {
        only: text(names.join(',')),
        repeat: text('3'),
        seconds: text('4'),
        json: optional,
        docs: flag,
        jumper: optional,
        poc: optional,
        help: flag,
      },
    });
    if (values.help) {
      process.stdout.write(help);
      return 0;
    }
    const only = values.only.split(',').filter(Boolean);
    const unknown = only.filter((name) => !names.includes(name));
    if (unknown.length > 0) throw new Error(`--only knows no ${unknown.join(', ')}`);
    const [repeat, seconds] = [Number(values.repeat), Number(values.seconds)];
    if (!(repeat >= 1 && seconds >= 1)) throw new Error('--repeat and --seconds want positive numbers');
    const { json, docs, jumper, poc } = values;
    return { only, repeat, seconds, json, docs, jumper, poc };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${help}`);
    return 2;
  }
}
