import { Lab } from '../../test/lab/lab.js';
import { sites } from '../../test/lab/topology.js';
import { type BenchCase, type BenchOptions, say } from '../case.js';
import { markdownTable } from '../markdown-table.js';
import { type Spread, spreadOf, spreadText } from '../spread.js';
import { undisturbed } from '../stolen-time.js';
import { type Carrier, carriers, openCarrier, routerConfig, yardstick } from './carrier.js';
import { type Line, lines } from './lines.js';
import { congestion, type LoadSample, measureLoad } from './load.js';

/** What one carrier made of one line. */
export interface CarrierFigures extends Readonly<Record<keyof LoadSample, Spread | undefined>> {
  readonly line: string;
  readonly carrier: string;
  /** Why runs are missing, if some are. */
  readonly failures: readonly string[];
}

/** Where the machine is the limit, runs differ by a tenth, and goals by less: so many rounds for each that is asked for. */
const unlimitedRounds = 4;

const intro = `One TCP flow (${congestion}) from one node to the other through their routers' TUN devices, over a direct peering or over a bridge, in network
namespaces; the hosts are behind NATs of their own. Direct tcp peerings use ${congestion}, what systems come with; bridges ask for bbr. CPU is that
of both ends together, a gigabyte of the flow's payload. \`relay\` goes through coturn on the public peer, a round trip of 120 ms where the
line has 40. Where nothing but the machine is the limit, a run during which a virtual machine's host gave others more than a fiftieth of its
processors' time is made again, twice at most, and the least disturbed counts.`;

/** Every carrier on every line. */
export const carriersCase: BenchCase<readonly CarrierFigures[]> = {
  name: 'carriers',
  title: 'What carries the traffic',
  intro,
  about: 'throughput, CPU and ping of bridges by each strategy and of direct peerings, on several lines',
  async measure(options) {
    const figures: CarrierFigures[] = [];
    for (const line of lines) figures.push(...(await measureLine(line, options)));
    return figures;
  },
  section: (figures) =>
    lines
      .map(({ name }) => ({ name, rows: figures.filter(({ line }) => line === name) }))
      .filter(({ rows }) => rows.length > 0)
      .map(({ name, rows }) => `### ${title(name)}\n\n${table(rows)}`)
      .join('\n\n'),
};

/** All carriers in turn in one laboratory, so that what else the machine does meets them alike. */
async function measureLine(line: Line, options: BenchOptions): Promise<CarrierFigures[]> {
  const lab = await Lab.create({ a: 'upnp', b: 'cone', router: routerConfig, ...(line.links ? { links: line.links } : {}) });
  const all = carriers(options).map((carrier) => ({ carrier, samples: [] as LoadSample[], failures: [] as string[] }));
  try {
    // As a property of the route, for a namespace may not choose its default freely.
    for (const site of sites)
      await lab[site].exec(['sh', '-c', `ip route change $(ip route show default) congctl ${congestion}`]);
    await lab.settled();
    for (let round = 0; round < options.repeat * (line.links ? 1 : unlimitedRounds); round++) {
      // Another order each time, so that none always follows the same one.
      for (const { carrier, samples, failures } of rotated(all, round)) {
        const told = `${line.name}, round ${round + 1}, ${carrier.name}:`;
        try {
          const measure = () => measureOnce(lab, carrier, options.seconds);
          const sample = await (line.links ? measure() : undisturbed(measure));
          samples.push(sample);
          say(`${told} ${JSON.stringify(sample)}`);
        } catch (error) {
          failures.push((error as Error).message);
          say(`${told} ${failures.at(-1)}`);
        }
      }
    }
  } finally {
    await lab.close();
  }
  return all.map(({ carrier, samples, failures }) => {
    const of = (key: keyof LoadSample) => spreadOf(samples.map((sample) => sample[key]));
    return {
      line: line.name,
      carrier: carrier.name,
      mbitPerSecond: of('mbitPerSecond'),
      agentCpu: of('agentCpu'),
      routerCpu: of('routerCpu'),
      idlePingMs: of('idlePingMs'),
      busyPingMs: of('busyPingMs'),
      busyPingLoss: of('busyPingLoss'),
      failures,
    };
  });
}

async function measureOnce(lab: Lab, carrier: Carrier, seconds: number): Promise<LoadSample> {
  const open = await openCarrier(lab, carrier);
  try {
    return await measureLoad(lab, open.agents, seconds);
  } finally {
    await open.close();
  }
}

function rotated<T>(list: readonly T[], by: number): T[] {
  const start = by % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}

function table(rows: readonly CarrierFigures[]): string {
  const direct = rows.find(({ carrier }) => carrier === yardstick);
  const columns = [
    'carrier',
    ' Mbit/s',
    ' of direct tcp',
    ' agents CPU-s/GB',
    ' routers CPU-s/GB',
    ' ping idle ms',
    ' ping under load ms',
    ' of direct tcp',
    ' pings lost',
  ];
  const share = (spread: Spread | undefined, whole: Spread | undefined) =>
    spread && whole ? (spread.median / whole.median).toFixed(2) : '–';
  const cells = rows.map((row) => [
    row.failures.length > 0 ? `${row.carrier} (${row.failures.length} runs failed)` : row.carrier,
    spreadText(row.mbitPerSecond),
    share(row.mbitPerSecond, direct?.mbitPerSecond),
    row.agentCpu?.most === 0 ? '–' : spreadText(row.agentCpu),
    spreadText(row.routerCpu),
    spreadText(row.idlePingMs),
    spreadText(row.busyPingMs),
    share(row.busyPingMs, direct?.busyPingMs),
    row.busyPingLoss ? `${Math.round(row.busyPingLoss.median * 100)} %` : '–',
  ]);
  return markdownTable(columns, cells);
}

function title(line: string): string {
  return line === 'unshaped' ? 'Without a limit: as fast as the machine goes' : `40 ms round trip, 100 Mbit/s, ${line}`;
}
