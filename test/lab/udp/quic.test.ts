import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, type TestContext } from 'vitest';
import type { AgentOptions, AgentProcess } from '../agent-process.js';
import type { Host } from '../host.js';
import { Lab } from '../lab.js';
import { ownedBy } from '../owned-by.js';
import { poll } from '../poll.js';
import { directRttMs, links, overlayRttMs } from '../round-trips.js';
import type { Site } from '../topology.js';

function options(host: Host, strategyOptions: object): AgentOptions {
  const strategies = [{ use: 'udp-hole-punching', options: strategyOptions }];
  writeFileSync(join(host.folder, 'agent.conf'), JSON.stringify({ strategies }));
  return { args: ['--config', `${host.insideFolder}/agent.conf`] };
}

const listener = '127.0.0.1:7002';
/** What yggdrasil gives its quic connections. */
const quicIdleTimeoutMs = 60_000;

async function start(
  test: TestContext,
  a: object,
  b: object,
  controlling: Site = 'a',
): Promise<{ lab: Lab; agents: [AgentProcess, AgentProcess] }> {
  const lab = await ownedBy(test, Lab.create({ a: 'prc', b: 'prc', links, controlling }));
  const agents: [AgentProcess, AgentProcess] = [lab.a.agent(options(lab.a, a)), lab.b.agent(options(lab.b, b))];
  await Promise.all(agents.map((agent) => agent.event('signalling.listening')));
  await lab.settled();
  return { lab, agents };
}

/** Peerings of a host's router by quic: whose, and who dialled. */
async function quicPeerings(host: Host) {
  return (await host.router.peers())
    .filter(({ remote }) => remote?.startsWith('quic://'))
    .map(({ up, inbound, key }) => ({ up, inbound, key }));
}

describe.concurrent('a path by UDP with the carrier quic', () => {
  it.for([
    ['the controlled end listens', {}, { quicListener: listener }, 'a'],
    ['the controlling end listens', { quicListener: listener }, {}, 'b'],
  ] as const)('carries the routers where %s, and ends clean', async ([_, a, b, dialler], test) => {
    const { lab, agents } = await start(test, { carriers: ['quic', 'udx'], ...a }, { carriers: ['quic', 'udx'], ...b });
    const ping = lab.a.pingStream(lab.b.router.address, { intervalMs: 100 });
    await Promise.all(agents.map((agent) => agent.event('bridge.up')));
    await ping.reply(({ rttMs }) => rttMs < directRttMs);
    await delay(2000);
    expect(ping.lost).toBe(0);
    const [dials, listens] = dialler === 'a' ? [lab.a, lab.b] : [lab.b, lab.a];
    expect(await quicPeerings(dials)).toEqual([{ up: true, inbound: false, key: listens.router.key }]);
    expect(await quicPeerings(listens)).toEqual([{ up: true, inbound: true, key: dials.router.key }]);
    for (const agent of agents) expect(agent.events.filter(({ event }) => event === 'bridge.down')).toEqual([]);

    const [gone, left] = agents;
    expect(await gone.terminate()).toEqual({ code: 0, signal: null });
    await left.event('bridge.down');
    await poll('both routers have let go', async () =>
      [...(await quicPeerings(lab.a)), ...(await quicPeerings(lab.b))].some(({ up }) => up) ? undefined : true,
    );
    expect(await quicPeerings(dials)).toEqual([]);
    const endedAt = Date.now();
    await ping.reply(({ rttMs, time }) => rttMs > overlayRttMs && time > endedAt);
  });

  it('is taken back after kill -9 by the next agent', async (test) => {
    const quic = { carriers: ['quic'] };
    const { lab, agents } = await start(test, quic, { ...quic, quicListener: listener });
    lab.a.pingStream(lab.b.router.address, { intervalMs: 100 });
    await Promise.all(agents.map((agent) => agent.event('bridge.up')));
    const [bridge] = (await lab.a.router.peers()).filter(({ remote }) => remote?.startsWith('quic://'));
    await agents[0].kill9();
    await agents[1].event('bridge.down');
    const again = lab.a.agent(options(lab.a, quic));
    expect(await again.event('leftovers.removed')).toMatchObject({ peers: [bridge?.remote] });
    await again.event('bridge.up', { timeoutMs: 60_000 });
  });

  it('is one of udx where only one end has enabled quic', async (test) => {
    const { lab, agents } = await start(test, { carriers: ['quic', 'udx'], quicListener: listener }, {});
    const ping = lab.a.pingStream(lab.b.router.address, { intervalMs: 100 });
    await Promise.all(agents.map((agent) => agent.event('bridge.up')));
    await ping.reply(({ rttMs }) => rttMs < directRttMs);
    expect([...(await quicPeerings(lab.a)), ...(await quicPeerings(lab.b))]).toEqual([]);
    expect(await agents[0].bridges()).toHaveLength(1);
  });

  it('ends at both ends soon after the line is cut', async (test) => {
    const quic = { carriers: ['quic'], quicListener: listener };
    const { lab, agents } = await start(test, quic, quic);
    lab.a.pingStream(lab.b.router.address, { intervalMs: 100 });
    await Promise.all(agents.map((agent) => agent.event('bridge.up')));
    await lab.cut();
    const cutAt = Date.now();
    const downs = await Promise.all(agents.map((agent) => agent.event('bridge.down')));
    expect(Math.max(...downs.map(({ time }) => time)) - cutAt).toBeLessThan(5000);
    // yggdrasil removes the peering at once, but closes only its half of a stream: the link goes when the router has missed its
    // peer, and where it awaits no answer from it, at the latest with quic's MaxIdleTimeout (core/link_quic.go).
    await poll('the router has let go', async () => ((await quicPeerings(lab.a)).length === 0 ? true : undefined), {
      timeoutMs: quicIdleTimeoutMs + 5000,
    });
  });
});
