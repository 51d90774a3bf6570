import os from 'node:os';
import type { BridgeTimeFigures } from './bridge-time-case.js';
import type { CarrierFigures } from './carriers/carriers-case.js';
import type { BenchCase } from './case.js';
import { checkedGoals } from './goals.js';
import { type BarPanel, barPlot } from './plot.js';

/** What has been measured, by the names of the cases. */
export type Results = Readonly<Record<string, unknown>>;

/** docs/performance.md. */
export function performancePage(cases: readonly BenchCase[], results: Results): string {
  const measured = cases.filter(({ name }) => name in results);
  const sections = measured.map(
    (each) => `## ${each.title}

${each.intro}

${each.section(results[each.name])}`,
  );
  return `# Performance

Written by \`npm run bench -- --docs\`. ${machine()} Both ends, the routers and everything between them share it, so
read ratios between the rows of one table rather than figures: on two machines there would be more of everything. Figures are medians, and in
brackets what the runs lie between; the variants of a table take turns, so that whatever else the machine does meets them alike.

![Throughput, CPU and time to a bridge](performance.svg)

${sections.join('\n\n')}

## What we ask of it

${checkedGoals(results)}
`;
}

/** docs/performance.svg. */
export function performancePlot(results: Results): string {
  const carriers = (results.carriers ?? []) as readonly CarrierFigures[];
  const times = (results.time ?? []) as readonly BridgeTimeFigures[];
  const lines = [...new Set(carriers.map(({ line }) => line))];
  const panel = (line: string, key: 'mbitPerSecond' | 'agentCpu', title: string, unit: string): BarPanel => ({
    title: `${title}, ${line}`,
    unit,
    bars: carriers
      .filter((row) => row.line === line)
      .flatMap(({ carrier, [key]: value }) => (value && value.most > 0 ? { name: carrier, value } : [])),
  });
  const bridgeTimes = times.flatMap(({ carrier, seconds }) => (seconds ? { name: carrier, value: seconds } : []));
  return barPlot([
    ...lines.map((line) => panel(line, 'mbitPerSecond', 'Throughput', 'Mbit/s')),
    panel('unshaped', 'agentCpu', 'CPU of both agents', 'CPU seconds a gigabyte'),
    { title: 'Time from a session to its bridge', unit: 's', bars: bridgeTimes },
  ]);
}

function machine(): string {
  const cpus = os.cpus();
  const model = cpus[0]?.model.trim() || process.arch;
  const memory = Math.round(os.totalmem() / 2 ** 30);
  return `Measured on one machine of ${cpus.length} cores (${model}, ${memory} GiB) with Linux ${os.release().replace(/^(\d+\.\d+).*/, '$1')} and Node ${process.versions.node}.`;
}
