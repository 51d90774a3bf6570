import { parseArgs } from 'node:util';
import { type PunchOptions, type PunchReport, punchPair } from '../test/lab/udp/punch-pair.js';

const help = `npx tsx bench/birthday.ts [--attempts N] [--delay MS] [--loss P]

Punches from a NAT with random ports to others, over UDP and over TCP, in a laboratory, and tells how often and after how many packets
the two met. docs/birthday.md has the odds to compare with.

  --attempts  one after another, for each pair and protocol (default 40)
  --delay     one way, of each line, in milliseconds (default 10)
  --loss      chance that a line loses a packet (default 0)
`;

const { values } = parseArgs({
  options: {
    attempts: { type: 'string', default: '40' },
    delay: { type: 'string', default: '10' },
    loss: { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
  },
});
type Strategy = NonNullable<PunchOptions['strategy']>;
const strategies: readonly Strategy[] = ['udp-hole-punching', 'tcp-hole-punching'];
const others = ['prc', 'cone'] as const;
const parts = [0.05, 0.5, 0.95, 1];
if (values.help) process.stdout.write(help);
else await run(Number(values.attempts), Number(values.delay), Number(values.loss));

async function run(attempts: number, delayMs: number, loss: number): Promise<void> {
  process.stdout.write(`${attempts} attempts each, ${delayMs} ms a line, ${loss * 100} % loss; 5 % / median / 95 % / most\n\n`);
  process.stdout.write('| strategy | pair | met | packets of the random side | of the known side | ms to the path |\n');
  process.stdout.write('|---|---|---:|---:|---:|---:|\n');
  const rows = [];
  for (const strategy of strategies) {
    for (const b of others) {
      const row = summarise(await punchPair({ a: 'sym', b, strategy, attempts, delayMs, loss }));
      const cells = [row.sentByRandom, row.sentByKnown, row.ms].map((numbers) => numbers.join(' / '));
      process.stdout.write(`| ${strategy} | sym – ${b} | ${row.met} of ${attempts} | ${cells.join(' | ')} |\n`);
      rows.push({ strategy, pair: `sym-${b}`, ...row });
    }
  }
  process.stdout.write(`\n${JSON.stringify({ bench: 'birthday', attempts, delayMs, loss, rows })}\n`);
}

type Pair = { readonly a: PunchReport; readonly b: PunchReport };

function summarise(reports: readonly Pair[]) {
  const met = reports.filter(({ a, b }) => a.said !== undefined && b.said !== undefined);
  const failures = reports
    .filter((report) => !met.includes(report))
    .map(({ a, b }) => [a, b].map(({ mapping, plan, code, message }) => ({ mapping, plan, code, message })));
  const sentByRandom = quantiles(met.map(({ a }) => a.sent ?? 0));
  const sentByKnown = quantiles(met.map(({ b }) => b.sent ?? 0));
  return { met: met.length, sentByRandom, sentByKnown, ms: quantiles(met.map(({ a }) => a.openMs)), failures };
}

function quantiles(numbers: readonly number[]): number[] {
  const sorted = [...numbers].sort((one, other) => one - other);
  return parts.map((part) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN));
}
