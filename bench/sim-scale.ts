import 'reflect-metadata';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { SimulatedNetwork, SimulatedNode, serveStun } from '../src/testing.js';

/**
 * What it costs to simulate many agents, each behind a NAT of its own, with three sessions that carry a little all the time:
 * `npx tsx bench/sim-scale.ts [AGENTS...]`, by default 10, 100 and 1000, each in a process of its own. Prints a table and a JSON line.
 */

/** What passes in virtual time: enough for every session to be bridged, and for bridges to be held for a while. */
const virtualSeconds = 60;
/** Hosts that one subnet takes. */
const perRegion = 100;

interface Figures {
  readonly agents: number;
  readonly sessions: number;
  /** Sessions that have a bridge in the end. */
  readonly bridged: number;
  /** Of the agents, to run for so long. */
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  /** Sent by the hosts, on the overlay and on the lines. */
  readonly packets: number;
  readonly overlayPackets: number;
  /** Most that the process held. */
  readonly memoryMegabytes: number;
}

async function simulate(agents: number): Promise<Figures> {
  const [cpu, wall] = [process.cpuUsage(), performance.now()];
  const world = new SimulatedNetwork({ seed: agents, overlay: { delayMs: 60 } });
  const counts = { packets: 0, overlayPackets: 0 };
  world.onPacket(({ event, from, packet }) => {
    if (event !== 'sent' || !('net' in from)) return;
    counts.packets += 1;
    if (packet.source.address.startsWith('2') && packet.source.address.includes(':')) counts.overlayPackets += 1;
  });
  const stun = [await serveStun(world.host('stun-1', { addresses: 2 })), await serveStun(world.host('stun-2'))];
  const directory = new Map<string, string>();
  const regions = Array.from({ length: Math.ceil(agents / perRegion) }, () => world.subnet());
  const hosts = Array.from({ length: agents }, (_, index) =>
    (regions[Math.floor(index / perRegion)] ?? world).nat({ name: `nat ${index}` }).host(`agent ${index}`),
  );
  const settings = { stun, strategies: ['tcp-hole-punching'] };
  const nodes = await world.until(Promise.all(hosts.map((host) => SimulatedNode.start(host, directory, settings))));
  const pairs = pairsOf(agents);
  for (const [from, to] of pairs) {
    const [one, other] = [nodes[from], nodes[to]];
    if (!one || !other) continue;
    await one.router.sendTo(other.router.address, { everyMs: 1000 });
    await other.router.sendTo(one.router.address, { everyMs: 1000 });
  }
  await world.run(virtualSeconds * 1000);
  const bridged = nodes.reduce((sum, { router }) => sum + new Set(router.peeredWith).size, 0) / 2;
  const { user, system } = process.cpuUsage(cpu);
  const figures = {
    agents,
    sessions: pairs.length,
    bridged,
    cpuSeconds: round((user + system) / 1e6),
    wallSeconds: round((performance.now() - wall) / 1000),
    ...counts,
    memoryMegabytes: round(process.resourceUsage().maxRSS / 1024),
  };
  await world.until(Promise.all(nodes.map((node) => node.stop())));
  return figures;
}

/** Everyone with the next one and with the one opposite: three sessions each. */
function pairsOf(agents: number): (readonly [number, number])[] {
  const half = Math.floor(agents / 2);
  const next = Array.from({ length: agents }, (_, index) => [index, (index + 1) % agents] as const);
  const opposite = Array.from({ length: half }, (_, index) => [index, index + half] as const);
  return [...next, ...opposite];
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function table(rows: readonly Figures[]): string {
  const columns = [
    'agents',
    'sessions',
    'bridged',
    'CPU s',
    'CPU ms/agent',
    'packets',
    'packets/agent',
    'of the overlay',
    'memory MB',
    'MB/agent',
  ];
  const lines = rows.map((row) => [
    row.agents,
    row.sessions,
    row.bridged,
    row.cpuSeconds,
    Math.round((row.cpuSeconds * 1000) / row.agents),
    row.packets,
    Math.round(row.packets / row.agents),
    row.overlayPackets,
    row.memoryMegabytes,
    round(row.memoryMegabytes / row.agents),
  ]);
  const line = (cells: readonly unknown[]) => `| ${cells.join(' | ')} |`;
  return [line(columns), line(columns.map(() => '---:')), ...lines.map(line)].join('\n');
}

const [only, ...more] = process.argv.slice(2);
if (only === '--one') process.stdout.write(`${JSON.stringify(await simulate(Number(more[0])))}\n`);
else {
  const sizes = only === undefined ? [10, 100, 1000] : [only, ...more].map(Number);
  const rows = sizes.map((agents) => {
    const args = [...process.execArgv, fileURLToPath(import.meta.url), '--one', String(agents)];
    const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
    return JSON.parse(stdout) as Figures;
  });
  process.stdout.write(`${table(rows)}\n${JSON.stringify({ bench: 'sim-scale', virtualSeconds, rows })}\n`);
}
