import { streamsCarrier, yardstick } from './carriers/carrier.js';
import type { CarrierFigures } from './carriers/carriers-case.js';
import type { BridgesFigures } from './crowd/bridges-case.js';
import type { PollFigures } from './crowd/poll-case.js';
import { markdownTable } from './markdown-table.js';
import type { Results } from './page.js';

interface Goal {
  readonly about: string;
  readonly limit: number;
  /** Whether less or more is better. */
  readonly want: 'at most' | 'at least';
  /** Undefined when it was not measured. */
  measured(results: Results): number | undefined;
}

/** What we ask of the data path, as ratios where that is possible. */
const goals: readonly Goal[] = [
  goal('throughput of a TCP bridge, of a direct tcp peering’s', 'at least', 0.95, ratio('tcp-hole-punching', 'mbitPerSecond')),
  goal('CPU seconds a gigabyte of both agents of a TCP bridge', 'at most', 2.5, cpu('tcp-hole-punching')),
  goal('ping under load over a TCP bridge, of a direct tcp peering’s', 'at most', 1.3, ratio('tcp-hole-punching', 'busyPingMs')),
  goal('throughput of a TCP bridge without the addon', 'at least', 0.85, ratio(streamsCarrier, 'mbitPerSecond')),
  goal('CPU seconds a gigabyte without the addon', 'at most', 6, cpu(streamsCarrier)),
  goal('throughput of a UDP bridge, of a direct tcp peering’s', 'at least', 0.4, ratio('udp-hole-punching', 'mbitPerSecond')),
  goal('the same at 1 % loss', 'at least', 10, ratio('udp-hole-punching', 'mbitPerSecond', '1 % loss')),
  goal('CPU seconds a gigabyte of both agents of a UDP bridge', 'at most', 20, cpu('udp-hole-punching')),
  goal('KB held for each of 1,000 bridges', 'at most', 40, eachOf('heldBytes')),
  goal('KB resident for each of 1,000 bridges', 'at most', 40, eachOf('residentBytes')),
  goal('MB resident without a bridge', 'at most', 90, (results) => {
    const base = crowdOf(results, 0);
    return base && base.residentBytes / 1e6;
  }),
  goal('% of a processor for 1,000 idle bridges', 'at most', 1, (results) => {
    const many = crowdOf(results, 1000);
    return many && many.idleCpu * 100;
  }),
  goal(
    'CPU milliseconds for a poll of 10,000 sessions',
    'at most',
    30,
    ({ poll }) => (poll as PollFigures[] | undefined)?.[0]?.cpuMs,
  ),
];

/** Each goal and what came of it, as a table. */
export function checkedGoals(results: Results): string {
  const rows = goals.flatMap(({ about, want, limit, measured }) => {
    const value = measured(results);
    if (value === undefined || Number.isNaN(value)) return [];
    const met = want === 'at most' ? value <= limit : value >= limit;
    return [[about, `${want} ${limit}`, value.toPrecision(3), met ? 'yes' : 'no']];
  });
  return markdownTable(['goal', ' limit', ' measured', 'met'], rows);
}

function goal(about: string, want: Goal['want'], limit: number, measured: Goal['measured']): Goal {
  return { about, want, limit, measured };
}

type Key = 'mbitPerSecond' | 'agentCpu' | 'busyPingMs';

function median(results: Results, carrier: string, key: Key, line: string): number | undefined {
  const all = (results.carriers ?? []) as readonly CarrierFigures[];
  return all.find((row) => row.carrier === carrier && row.line === line)?.[key]?.median;
}

function ratio(carrier: string, key: Key, line = 'unshaped'): Goal['measured'] {
  return (results) => (median(results, carrier, key, line) ?? Number.NaN) / (median(results, yardstick, key, line) ?? Number.NaN);
}

function cpu(carrier: string): Goal['measured'] {
  return (results) => median(results, carrier, 'agentCpu', 'unshaped');
}

/** Kilobytes for each of many bridges, beyond what the agent has without. */
function eachOf(key: 'heldBytes' | 'residentBytes'): Goal['measured'] {
  return (results) => {
    const [base, many] = [crowdOf(results, 0), crowdOf(results, 1000)];
    return base && many && (many[key] - base[key]) / 1000 / many.bridges;
  };
}

function crowdOf({ bridges }: Results, count: number): BridgesFigures | undefined {
  return (bridges as readonly BridgesFigures[] | undefined)?.find((row) => row.bridges === count);
}
