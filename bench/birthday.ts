import { parseArgs } from 'node:util';
import { type PunchReport, punchPair } from '../test/lab/udp/punch-pair.js';

const help = `npx tsx bench/birthday.ts [--attempts N] [--delay MS] [--loss P]

Punches from a NAT with random ports to a port-restricted one, in a laboratory, and tells how often and after how many packets the
two met. docs/birthday.md has the odds to compare with.

  --attempts  one after another (default 50)
  --delay     one way, of each line, in milliseconds (default 10)
  --loss      chance that a line loses a packet (default 0)
`;

const { values } = parseArgs({
  options: {
    attempts: { type: 'string', default: '50' },
    delay: { type: 'string', default: '10' },
    loss: { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) process.stdout.write(help);
else await run(Number(values.attempts), Number(values.delay), Number(values.loss));

async function run(attempts: number, delayMs: number, loss: number): Promise<void> {
  const reports = await punchPair({ a: 'sym', b: 'prc', attempts, delayMs, loss });
  const met = reports.filter(({ a, b }) => a.said !== undefined && b.said !== undefined);
  const rows: Record<string, readonly number[]> = {
    'packets of the random side': numbers(met, ({ a }) => a.sent),
    'packets of the known side': numbers(met, ({ b }) => b.sent),
    'ms from the start to the nomination': numbers(met, ({ a }) => a.durationMs),
    'ms from the first socket to the stream': numbers(met, ({ a }) => a.openMs),
  };
  const quantiles = [0.05, 0.5, 0.95, 1];
  const table = Object.entries(rows).map(([what, samples]) => ({ what, at: quantiles.map((part) => quantile(samples, part)) }));
  const lines = table.map(({ what, at }) => `${what.padEnd(40)}${at.map((value) => value.toFixed(0).padStart(8)).join('')}`);
  const failures = reports
    .filter((report) => !met.includes(report))
    .map(({ a, b }) => [a, b].map(({ mapping, plan, code, message }) => ({ mapping, plan, code, message })));
  process.stdout.write(`sym - prc, ${delayMs} ms a line, ${loss * 100} % loss: ${met.length} of ${reports.length} met\n\n`);
  process.stdout.write(
    `${''.padEnd(40)}${quantiles.map((part) => `${part * 100} %`.padStart(8)).join('')}\n${lines.join('\n')}\n\n`,
  );
  process.stdout.write(`${JSON.stringify({ bench: 'birthday', attempts, delayMs, loss, met: met.length, failures, table })}\n`);
}

function numbers(
  reports: readonly { readonly a: PunchReport; readonly b: PunchReport }[],
  pick: (report: { readonly a: PunchReport; readonly b: PunchReport }) => number | undefined,
): number[] {
  return reports.flatMap((report) => pick(report) ?? []).sort((one, other) => one - other);
}

function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
}
