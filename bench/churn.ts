import 'reflect-metadata';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { SimulatedNetwork, SimulatedNode, serveStun, serveTurn } from '../src/testing.js';

const help = `npx tsx bench/churn.ts [--hours N] [--agents N] [--seed N]

Agents behind NATs on the simulated network, and trouble every simulated minute: a session begins or ends, a router is killed, a NAT
forgets its mappings, a host comes to another network. Tells every hour what the process holds after it has collected its garbage, and ends with 1
when that grows: memory by more than a tenth from the first quarter of the run to the last, or timers and sockets at all.

  --hours   of simulated time (default 24)
  --agents  one of them is in the midst of the others (default 6)
  --seed    of everything (default 1)
`;

const { values } = parseArgs({
  options: {
    hours: { type: 'string', default: '24' },
    agents: { type: 'string', default: '6' },
    seed: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
});
/** Simulated minutes at the end of an hour in which sessions end, and bridges with them. */
const quietMinutes = 10;
const collect = collector();
if (values.help) process.stdout.write(help);
else process.exitCode = await run(Number(values.hours), Number(values.agents), values.seed);

/** What is there when an hour is over and everything has been quiet for a while. */
interface Sample {
  readonly hour: number;
  /** Bridges that came up in it. */
  readonly bridges: number;
  readonly heapMegabytes: number;
  readonly residentMegabytes: number;
  /** Of the agents, and of what stands in for their routers. */
  readonly timers: number;
  readonly sockets: number;
}

/** @returns the exit code */
async function run(hours: number, agents: number, seed: string): Promise<number> {
  const world = new SimulatedNetwork({ seed });
  const stun = [await serveStun(world.host('stun-1', { addresses: 2 })), await serveStun(world.host('stun-2'))];
  const settings = { stun, relay: { turn: [await serveTurn(world.host('turn'))], use: 'always' as const } };
  const directory = new Map<string, string>();
  const nats = Array.from({ length: agents }, (_, index) => world.nat({ name: `nat ${index}` }));
  const starts = nats.map((nat, index) => SimulatedNode.start(nat.host(`agent ${index}`), directory, settings));
  const nodes = await world.until(Promise.all(starts));
  const random = world.random.fork('churn');
  const samples: Sample[] = [];
  /** Ends each session that goes on, by the two that have it. */
  const sessions = new Map<string, () => void>();

  const begin = async (one: SimulatedNode, other: SimulatedNode) => {
    const ends = await Promise.all([
      one.router.sendTo(other.router.address, { everyMs: 5000 }),
      other.router.sendTo(one.router.address, { everyMs: 5000 }),
    ]);
    return () => {
      for (const end of ends) end();
    };
  };
  const trouble = async () => {
    const [hub] = nodes;
    const index = random.integer(1, agents - 1);
    const [node, nat] = [nodes[index], nats[index]];
    if (!hub || !node || !nat) return;
    const end = sessions.get(node.router.key);
    const kind = random.integer(0, 5);
    if (!end) sessions.set(node.router.key, await begin(hub, node));
    else if (kind === 0) node.router.kill();
    else if (kind === 1) nat.router.restart();
    else if (kind === 2) node.host.readdress();
    else if (kind === 3) hub.router.kill();
    else {
      sessions.delete(node.router.key);
      end();
    }
  };
  process.stdout.write(
    '| hour | bridges | heap MB | resident MB | timers | sockets |\n| ---: | ---: | ---: | ---: | ---: | ---: |\n',
  );
  for (let hour = 1; hour <= hours; hour++) {
    for (let minute = 0; minute < 60 - quietMinutes; minute++) {
      await trouble();
      await world.run(60_000);
    }
    for (const end of sessions.values()) end();
    sessions.clear();
    await world.run(quietMinutes * 60_000);
    const bridges = nodes.flatMap(({ events }) => events.filter(({ event }) => event === 'bridge.up')).length / 2;
    // What a test would look at; here it would be all that grows.
    for (const { events } of nodes) events.length = 0;
    collect();
    const { heapUsed, rss } = process.memoryUsage();
    const sockets = nodes.reduce((sum, { host: { tcp, udp, unix } }) => sum + tcp.open + udp.open + unix.paths.length, 0);
    const megabytes = (bytes: number) => Number((bytes / 1e6).toFixed(1));
    const { pendingTimers: timers } = world.clock;
    const sample = { hour, bridges, heapMegabytes: megabytes(heapUsed), residentMegabytes: megabytes(rss), timers, sockets };
    samples.push(sample);
    process.stdout.write(`| ${Object.values(sample).join(' | ')} |\n`);
  }
  await world.until(Promise.all(nodes.map((node) => node.stop())));
  const left = world.clock.pendingTimers;
  process.stdout.write(`${left} timers are left when all agents have ended\n`);
  process.stdout.write(`${JSON.stringify({ bench: 'churn', hours, agents, seed, samples })}\n`);
  return isFlat(samples) && left === 0 ? 0 : 1;
}

function isFlat(samples: readonly Sample[]): boolean {
  const quarter = Math.max(1, Math.floor(samples.length / 4));
  const mean = (part: readonly Sample[], key: 'heapMegabytes' | 'timers' | 'sockets') =>
    part.reduce((sum, sample) => sum + sample[key], 0) / part.length;
  const grown = (key: 'heapMegabytes' | 'timers' | 'sockets') =>
    mean(samples.slice(-quarter), key) / mean(samples.slice(0, quarter), key);
  return grown('heapMegabytes') <= 1.1 && grown('timers') <= 1.02 && grown('sockets') <= 1.02;
}

function collector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
