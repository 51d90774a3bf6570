import type { CrossingReport } from './crossing.js';
import { type NatKindName, natKinds } from './nat-kinds.js';
import { median } from './ping.js';

/** One run of one pair of kinds. */
export interface GridCell {
  readonly a: NatKindName;
  readonly b: NatKindName;
  /** Undefined when no bridge came up. */
  readonly report: CrossingReport | undefined;
  /** Why it failed; undefined when it did not. */
  readonly reason: string | undefined;
  readonly leftovers: readonly string[];
}

export interface GridSummary {
  readonly runs: number;
  readonly bridged: number;
  /** Session to bridge, in milliseconds; undefined when nothing was bridged. */
  readonly medianMs: number | undefined;
  readonly worstMs: number | undefined;
  readonly pingsLost: number;
  readonly sentence: string;
}

export function gridSummary(cells: readonly GridCell[]): GridSummary {
  const reports = cells.flatMap(({ report }) => report ?? []);
  const times = reports.map(({ sessionToBridge }) => sessionToBridge);
  const medianMs = median(times);
  const worstMs = times.length === 0 ? undefined : Math.max(...times);
  const pingsLost = reports.reduce((sum, report) => sum + report.pingsLost, 0);
  const counts = `${reports.length} of ${cells.length} runs bridged`;
  const sentence =
    medianMs === undefined || worstMs === undefined
      ? `${counts}.`
      : `${counts}; session to bridge ${seconds(medianMs)} in the median, ${seconds(worstMs)} at worst; ${pingsLost} pings lost.`;
  return { runs: cells.length, bridged: reports.length, medianMs, worstMs, pingsLost, sentence };
}

/** Seconds from session to bridge (the median of the runs) and the strategies, each kind against each. */
export function gridTable(kinds: readonly NatKindName[], cells: readonly GridCell[]): string {
  const rows = gridRows(kinds, cells);
  const widths = ['', ...kinds].map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((entry, column) => entry.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** The same as a page. */
export function gridMarkdown(kinds: readonly NatKindName[], cells: readonly GridCell[]): string {
  const line = (entries: readonly string[]) => `| ${entries.join(' | ')} |`;
  const [header = [], ...rows] = gridRows(kinds, cells);
  const pings = [
    line(['pair', 'strategy', 'kind', 'ping before', 'ping after', 'pings lost']),
    line(['---', '---', '---', '---:', '---:', '---:']),
    ...cells.map(({ a, b, report, reason }) => {
      if (report === undefined) return line([`${a} – ${b}`, reason ?? 'failed', '', '', '', '']);
      const { strategy, kind, pingBefore, pingAfter, pingsLost } = report;
      return line([`${a} – ${b}`, strategy, kind, milliseconds(pingBefore), milliseconds(pingAfter), String(pingsLost)]);
    }),
  ];
  return [
    '# Every pair of NAT kinds',
    '',
    'Two routers on lines of 10 ms and their public peer on one of 20 ms, in network namespaces on one machine, a ping every',
    '100 ms. Seconds are from the first sight of the session to the bridge being up at both ends. Written by',
    '`node scripts/nat-grid.mjs --markdown docs/nat-grid.md`.',
    '',
    gridSummary(cells).sentence,
    '',
    line(header),
    line(header.map(() => '---')),
    ...rows.map(line),
    '',
    ...kinds.map((kind) => `- **${kind}**: ${natKinds[kind].meaning}`),
    '',
    ...pings,
    '',
  ].join('\n');
}

function gridRows(kinds: readonly NatKindName[], cells: readonly GridCell[]): string[][] {
  const rows = kinds.map((a, row) => [a, ...kinds.map((b, column) => (column < row ? '' : entryOf(a, b, cells)))]);
  return [['', ...kinds], ...rows];
}

function entryOf(a: NatKindName, b: NatKindName, cells: readonly GridCell[]): string {
  const runs = cells.filter((cell) => cell.a === a && cell.b === b);
  const reports = runs.flatMap(({ report }) => report ?? []);
  const time = median(reports.map(({ sessionToBridge }) => sessionToBridge));
  const failed = runs.length - reports.length;
  const failures = failed === 0 ? [] : [runs.length === 1 ? 'failed' : `${failed} of ${runs.length} failed`];
  const strategies = [...new Set(reports.map(({ strategy }) => strategy))].join(', ');
  return [...(time === undefined ? [] : [`${seconds(time)} ${strategies}`]), ...failures].join('; ');
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

function milliseconds(value: number | undefined): string {
  return value === undefined ? '' : `${value.toFixed(1)} ms`;
}
