import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { sectionMark } from '../sim/nat-grid/table.js';
import { Crossing, CrossingError, type CrossingReport } from './crossing.js';
import { type GridCell, gridMarkdown, gridSummary, gridTable } from './nat-grid-table.js';
import { type NatKindName, natKindNames, natKinds } from './nat-kinds.js';
import { links } from './round-trips.js';
import { publicAddresses } from './topology.js';

/** Between a host without IPv4 and one without IPv6 there is no path to find. */
const usualKinds = natKindNames.filter((name) => natKinds[name].families !== 6);

const help = `node scripts/nat-grid.mjs [--kinds K,K,...] [--repeat N] [--timeout S] [--json] [--markdown FILE]

Bridges every pair of NAT kinds in a laboratory with lines of 10, 10 and 20 ms, and tells how long each took from the session
to the bridge at both ends. Ends with 1 when a pair got no bridge or left something behind.

  --kinds     of ${natKindNames.join(', ')} (default: all of IPv4)
  --repeat    runs of each pair (default 1)
  --parallel  laboratories at a time (default 2)
  --timeout   seconds until a pair has failed (default 60)
  --json      the results as JSON instead of a table
  --markdown  also write the table to a file
`;

/** Everything the public peer offers: two STUN servers, and a relay for the pairs that cannot do without. */
const relay = ['--turn', `turn:lab:lab@${publicAddresses[0]}:3478`, '--relay', 'always'];
const agentArgs = ['--stun', `${publicAddresses[1]}:3478`, ...relay];

process.exitCode = await main();

/** @returns the exit code */
async function main(): Promise<number> {
  const options = readOptions();
  if (typeof options === 'number') return options;
  const { kinds, repeat, parallel, timeoutMs } = options;
  const pairs = kinds.flatMap((a, index) => kinds.slice(index).map((b) => ({ a, b })));
  const queue = Array.from({ length: repeat }, () => pairs).flat();
  const cells: GridCell[] = [];
  const total = queue.length;
  const work = async () => {
    for (let pair = queue.shift(); pair !== undefined; pair = queue.shift()) {
      const cell = await runPair(pair.a, pair.b, timeoutMs);
      cells.push(cell);
      process.stderr.write(`${String(cells.length).padStart(3)}/${total}  ${pair.a} - ${pair.b}: ${sentence(cell)}\n`);
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));

  const summary = gridSummary(cells);
  if (options.json) process.stdout.write(`${JSON.stringify({ ...summary, cells })}\n`);
  else process.stdout.write(`${gridTable(kinds, cells)}\n\n${summary.sentence}\n`);
  if (options.markdown !== undefined)
    writeFileSync(options.markdown, gridMarkdown(kinds, cells) + simulatedPart(options.markdown));
  return cells.every(({ report, leftovers }) => report !== undefined && leftovers.length === 0) ? 0 : 1;
}

/** What a page has of the simulated network stays. */
function simulatedPart(file: string): string {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  return text.includes(sectionMark) ? `\n${text.slice(text.indexOf(sectionMark))}` : '';
}

async function runPair(a: NatKindName, b: NatKindName, timeoutMs: number): Promise<GridCell> {
  let crossing: Crossing | undefined;
  let report: CrossingReport | undefined;
  try {
    crossing = await Crossing.prepare({ a, b, links, agent: { args: agentArgs } });
    report = await crossing.run({ timeoutMs });
    return { a, b, report, reason: undefined, leftovers: await crossing.end() };
  } catch (error) {
    const failures = error instanceof CrossingError ? error.failures : [];
    const given = failures.map(({ site, strategy, code, message }) => `${site} ${strategy ?? ''} ${code}: ${message}`);
    return { a, b, report, reason: given.join('; ') || (error as Error).message, leftovers: [] };
  } finally {
    await crossing?.close();
  }
}

function sentence({ report, reason, leftovers }: GridCell): string {
  const left = leftovers.map((leftover) => `, ${leftover}`).join('');
  if (report === undefined || reason !== undefined) return `FAILED, ${reason}`;
  return `${(report.sessionToBridge / 1000).toFixed(2)} s by ${report.strategy}, ${report.pingsLost} pings lost${left}`;
}

interface Options {
  readonly kinds: readonly NatKindName[];
  readonly repeat: number;
  readonly parallel: number;
  readonly timeoutMs: number;
  readonly json: boolean;
  readonly markdown: string | undefined;
}

function readOptions(): Options | number {
  const text = (value: string) => ({ type: 'string', default: value }) as const;
  const flag = { type: 'boolean', default: false } as const;
  const numbers = { repeat: text('1'), parallel: text('2'), timeout: text('60') };
  try {
    const options = {
      kinds: text(usualKinds.join(',')),
      ...numbers,
      json: flag,
      help: flag,
      markdown: { type: 'string' },
    } as const;
    const { values } = parseArgs({ options });
    if (values.help) {
      process.stdout.write(help);
      return 0;
    }
    const kinds = values.kinds.split(',').map((name) => natKindNames.find((known) => known === name.trim()));
    if (kinds.includes(undefined)) throw new Error(`--kinds wants some of ${natKindNames.join(', ')}`);
    const [repeat = 0, parallel = 0, timeout = 0] = [values.repeat, values.parallel, values.timeout].map(Number);
    if (!(repeat > 0 && parallel > 0 && timeout > 0)) throw new Error('--repeat, --parallel and --timeout want positive numbers');
    const known = kinds.filter((kind) => kind !== undefined);
    return { kinds: known, repeat, parallel, timeoutMs: timeout * 1000, json: values.json, markdown: values.markdown };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${help}`);
    return 2;
  }
}
