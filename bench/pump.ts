/**
 * What carries a bridge, beside a direct tcp peering of the same two routers: throughput of one TCP flow over the overlay, CPU of
 * both agents and of both routers, ping idle and under load. Real routers in the laboratory, the variants in turn.
 * Run (after npm run build): npx tsx bench/pump.ts [rounds] [seconds] [kbit/s of a's line, with 10 ms to the other end]
 */
import type { AgentProcess } from '../test/lab/agent-process.js';
import { Lab } from '../test/lab/lab.js';
import { median } from '../test/lab/ping.js';
import { poll } from '../test/lab/poll.js';

const [rounds = 5, seconds = 6, kbitPerSecond] = process.argv.slice(2).map(Number);

const variants = {
  direct: undefined,
  'bridge, pump': {},
  'bridge, streams': { RATATOSKR_NATIVE: 'off' },
} as const satisfies Record<string, NodeJS.ProcessEnv | undefined>;
type Variant = keyof typeof variants;
const names = Object.keys(variants) as Variant[];

interface Sample {
  /** Of the flow's payload. */
  readonly mbitPerSecond: number;
  /** CPU seconds a gigabyte of payload, both ends together. */
  readonly agents: number;
  readonly routers: number;
  /** Milliseconds. */
  readonly idlePing: number;
  readonly busyPing: number;
}

const samples = new Map<Variant, Sample[]>(names.map((name) => [name, []]));
const lab = await Lab.create({
  a: 'prc',
  b: 'public',
  ...(kbitPerSecond ? { links: { a: { delayMs: 5, kbitPerSecond } } } : {}),
});
try {
  await lab.settled();
  lab.b.spawn(['iperf3', '-s', '-B', lab.b.router.address]);
  for (let round = 0; round < rounds; round++) {
    // Another order each time, so that none always follows the same one.
    const order = names.map((_, index) => names[(index + round) % names.length] ?? 'direct');
    for (const name of order) {
      const sample = await measure(name);
      samples.get(name)?.push(sample);
      console.error(`round ${round + 1}, ${name}: ${JSON.stringify(sample)}`);
    }
  }
} finally {
  await lab.close();
}
report();

async function measure(name: Variant): Promise<Sample> {
  const env = variants[name];
  if (env) {
    const agents = [lab.a, lab.b].map((host) => host.agent({ env, args: ['--strategies', 'tcp-hole-punching'] }));
    await Promise.all(agents.map((agent) => agent.event('signalling.listening')));
    const ping = lab.a.pingStream(lab.b.router.address);
    await Promise.all(agents.map((agent) => agent.event('bridge.up', { timeoutMs: 60_000 })));
    await ping.stop();
    const sample = await load(agents);
    await Promise.all(agents.map((agent) => agent.terminate()));
    return sample;
  }
  const uri = `tcp://${lab.b.address}:7002`;
  await lab.a.router.admin('addpeer', { uri });
  await poll('the peering', async () => (await lab.a.router.peers()).find(({ remote, up, key }) => remote === uri && up && key));
  const sample = await load([]);
  await lab.a.router.admin('removepeer', { uri });
  return sample;
}

async function load(agents: readonly AgentProcess[]): Promise<Sample> {
  const target = lab.b.router.address;
  const idle = await lab.a.ping(target, { count: 30, intervalMs: 50 });
  const cpuOf = async (processes: readonly { cpuSeconds(): Promise<number> }[]) =>
    (await Promise.all(processes.map((each) => each.cpuSeconds()))).reduce((sum, each) => sum + each, 0);
  const routers = [lab.a.router, lab.b.router];
  const before = [await cpuOf(agents), await cpuOf(routers)] as const;
  const ping = lab.a.pingStream(target, { intervalMs: 50 });
  const output = await lab.a.exec(['iperf3', '-c', target, '-t', String(seconds), '-J'], { timeoutMs: seconds * 1000 + 20_000 });
  await ping.stop();
  const after = [await cpuOf(agents), await cpuOf(routers)] as const;
  const { end } = JSON.parse(output) as { end: { sum_received: { bytes: number; bits_per_second: number } } };
  const gigabytes = end.sum_received.bytes / 1e9;
  const sample = {
    mbitPerSecond: end.sum_received.bits_per_second / 1e6,
    agents: (after[0] - before[0]) / gigabytes,
    routers: (after[1] - before[1]) / gigabytes,
    idlePing: median(idle.rttsMs) ?? Number.NaN,
    busyPing: median(ping.replies.map(({ rttMs }) => rttMs)) ?? Number.NaN,
  };
  return Object.fromEntries(Object.entries(sample).map(([key, value]) => [key, Number(value.toFixed(2))])) as unknown as Sample;
}

function report(): void {
  const results = names.map((name) => {
    const all = samples.get(name) ?? [];
    const of = (key: keyof Sample) => {
      const values = all.map((sample) => sample[key]).sort((one, other) => one - other);
      return { median: median(values) ?? Number.NaN, least: values[0] ?? Number.NaN, most: values.at(-1) ?? Number.NaN };
    };
    return {
      name,
      mbit: of('mbitPerSecond'),
      agents: of('agents'),
      routers: of('routers'),
      idle: of('idlePing'),
      busy: of('busyPing'),
    };
  });
  const direct = results[0];
  console.log('| variant | Mbit/s | of direct | agents CPU-s/GB | routers CPU-s/GB | ping idle ms | ping busy ms | of direct |');
  console.log('|---|---|---|---|---|---|---|---|');
  for (const { name, mbit, agents, routers, idle, busy } of results) {
    const spread = ({ median: middle, least, most }: typeof mbit, digits = 1) =>
      `${middle.toFixed(digits)} (${least.toFixed(digits)}–${most.toFixed(digits)})`;
    const part = (value: number, whole = Number.NaN) => (value / whole).toFixed(2);
    const cells = [spread(mbit, 0), part(mbit.median, direct?.mbit.median), spread(agents, 2), spread(routers), spread(idle, 2)];
    console.log(`| ${[name, ...cells, spread(busy), part(busy.median, direct?.busy.median)].join(' | ')} |`);
  }
  console.log(JSON.stringify({ bench: 'pump', node: process.version, rounds, seconds, kbitPerSecond, results }));
}
