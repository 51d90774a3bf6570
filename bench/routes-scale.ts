import 'reflect-metadata';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { scalePlot, scaleTables } from './scale/report.js';
import type { ScaleFigures, ScaleOptions } from './scale/simulate.js';

/**
 * What gossip, relays and routes cost with ever more agents on the simulated network, with churn and a relay that is new:
 * `npx tsx bench/routes-scale.ts [--sizes N,...] [--json FILE] [--docs]`, each size in a process of its own. With `--json` figures are
 * kept in a file, and those of sizes that are not run are taken from there; `--docs` writes docs/routes.md and docs/scale.svg.
 */
const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '100,300,1000,3000' },
    json: { type: 'string' },
    docs: { type: 'boolean', default: false },
  },
});

/** Heap of one process at most, in MB. */
const heapMb = 7600;

const known: ScaleFigures[] = values.json && existsSync(values.json) ? JSON.parse(readFileSync(values.json, 'utf8')) : [];
const figures = new Map(known.map((row) => [row.nodes, row]));
for (const nodes of values.sizes.split(',').filter(Boolean).map(Number)) {
  figures.set(nodes, measure(nodes));
  if (values.json) writeFileSync(values.json, `${JSON.stringify(rows(), null, 1)}\n`);
}
process.stdout.write(scaleTables(rows()));
if (values.docs) {
  const page = new URL('../docs/routes.md', import.meta.url);
  writeFileSync(page, withTables(readFileSync(page, 'utf8'), scaleTables(rows())));
  writeFileSync(new URL('../docs/scale.svg', import.meta.url), scalePlot(rows()));
}

function rows(): readonly ScaleFigures[] {
  return [...figures.values()].sort((a, b) => a.nodes - b.nodes);
}

function measure(nodes: number): ScaleFigures {
  const options: ScaleOptions = {
    seed: `scale ${nodes}`,
    nodes,
    relays: Math.max(5, Math.round(nodes / 100)),
    pairs: Math.min(50, Math.round(nodes / 10)),
    regions: 20,
    warmUpMinutes: 4,
    minutes: 10,
    churn: 0.1,
  };
  const script = fileURLToPath(new URL('scale/one.ts', import.meta.url));
  const args = [...process.execArgv, '--expose-gc', `--max-old-space-size=${heapMb}`, script, JSON.stringify(options)];
  const { stdout, status } = spawnSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (status !== 0) throw new Error(`${nodes} nodes: the simulation ended with ${status}`);
  return JSON.parse(stdout) as ScaleFigures;
}

/** The part of the page between its two marks is written anew. */
function withTables(page: string, tables: string): string {
  const [begin, end] = ['<!-- scale -->', '<!-- /scale -->'];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/routes.md has no ${begin} … ${end}`);
  return `${page.slice(0, from + begin.length)}\n${tables}${page.slice(to)}`;
}
