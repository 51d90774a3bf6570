import { parseArgs } from 'node:util';
import { Lab } from '../test/lab/lab.js';
import { LabError } from '../test/lab/lab-error.js';
import { median } from '../test/lab/ping.js';
import { poll } from '../test/lab/poll.js';
import { sites } from '../test/lab/topology.js';

const help = `npx tsx bench/loss.ts [--rounds N] [--seconds N] [--loss P]

One TCP flow between two yggdrasil nodes, through their TUN devices, over a lossy line of 40 ms round trip and 100 Mbit/s: first with
the routers peered directly over tcp, then bridged by udp-hole-punching, in the same laboratory.

  --rounds   each measured so often; medians count (default 3)
  --seconds  of each measurement (default 10)
  --loss     chance that the line loses a packet, each way (default 0.01)
`;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '10' },
    loss: { type: 'string', default: '0.01' },
    help: { type: 'boolean', default: false },
  },
});
/** One way, in milliseconds, of each host's line. */
const delayMs = 10;
/** Cubic is what systems come with; the flow inside meets no loss on either link and so needs nothing better. */
const congestion = 'cubic';
if (values.help) process.stdout.write(help);
else await run(Number(values.rounds), Number(values.seconds), Number(values.loss));

async function run(rounds: number, seconds: number, loss: number): Promise<void> {
  const line = { delayMs, kbitPerSecond: 100_000, queueBytes: 500_000 };
  const lab = await Lab.create({ a: 'prc', b: 'public', links: { a: { ...line, loss }, b: line, p: 20 } });
  const rates: Record<'direct' | 'bridged', number[]> = { direct: [], bridged: [] };
  try {
    for (const site of sites) {
      // As a property of the route, for a namespace may not choose its default freely.
      await lab[site].exec(['sh', '-c', `ip route change $(ip route show default) congctl ${congestion}`]);
    }
    await lab.settled();
    for (let round = 0; round < rounds; round++) {
      rates.direct.push(await direct(lab, seconds));
      rates.bridged.push(await bridged(lab, seconds));
    }
  } finally {
    await lab.close();
  }
  const [direct_, bridged_] = [median(rates.direct) ?? 0, median(rates.bridged) ?? 0];
  const ratio = bridged_ / direct_;
  const row = (name: string, each: readonly number[], middle: number) =>
    `${name.padEnd(30)}${each.map((rate) => rate.toFixed(2).padStart(8)).join('')}${middle.toFixed(2).padStart(10)}\n`;
  process.stdout.write(`Mbit/s at ${loss * 100} % loss, ${4 * delayMs} ms round trip, ${rounds} rounds and their median\n`);
  process.stdout.write(row(`tcp peering (${congestion})`, rates.direct, direct_));
  process.stdout.write(row('udp-hole-punching bridge', rates.bridged, bridged_));
  process.stdout.write(`${ratio.toFixed(1)} times\n`);
  process.stdout.write(
    `${JSON.stringify({ bench: 'loss', loss, rttMs: 4 * delayMs, seconds, congestion, mbitPerSecond: rates, ratio: Number(ratio.toFixed(2)) })}\n`,
  );
}

/** The routers as their operators would peer them if there were no NAT. */
async function direct(lab: Lab, seconds: number): Promise<number> {
  const uri = `tcp://${lab.b.address}:7002`;
  await lab.a.router.admin('addpeer', { uri });
  await lab.a.router.connected(2);
  const rate = await flow(lab, seconds);
  const inUse = await lab.a.exec(['ss', '-tiHn', 'dst', lab.b.address]);
  if (!inUse.includes(congestion)) throw new LabError(`the peering does not use ${congestion}:\n${inUse}`);
  await lab.a.router.admin('removepeer', { uri });
  await poll('the peering is gone', async () =>
    (await lab.a.router.peers()).every(({ remote }) => remote !== uri) ? true : undefined,
  );
  return rate;
}

async function bridged(lab: Lab, seconds: number): Promise<number> {
  const agents = sites.map((site) => lab[site].agent({ args: ['--strategies', 'udp-hole-punching'] }));
  const ping = lab.a.pingStream(lab.b.router.address, { intervalMs: 200 });
  await Promise.all(agents.map((agent) => agent.event('bridge.up', { timeoutMs: 60_000 })));
  await ping.stop();
  const rate = await flow(lab, seconds);
  await Promise.all(agents.map((agent) => agent.terminate()));
  return rate;
}

/** Goodput of one TCP flow from a to b through the TUN devices, in Mbit/s. */
async function flow(lab: Lab, seconds: number): Promise<number> {
  const server = lab.b.spawn(['iperf3', '-s', '-1', '--forceflush'], { name: 'iperf3' });
  await server.line('sign of readiness', (said) => said.includes('listening') || undefined);
  const report = await lab.a.exec(['iperf3', '-6', '-c', lab.b.router.address, '-t', String(seconds), '-C', congestion, '-J'], {
    timeoutMs: (seconds + 30) * 1000,
  });
  await server.exited;
  const { end } = JSON.parse(report) as { end: { sum_received: { bits_per_second: number } } };
  return end.sum_received.bits_per_second / 1e6;
}
