import { fileURLToPath } from 'node:url';
import { describe, expect, it, type TestContext } from 'vitest';
import type { AgentLine, AgentProcess } from '../agent-process.js';
import type { Host } from '../host.js';
import { Lab, type LabOptions } from '../lab.js';
import { ownedBy } from '../owned-by.js';
import { poll } from '../poll.js';

const port = 4703;

function network(test: TestContext, options: LabOptions): Promise<Lab> {
  return ownedBy(test, Lab.create({ turn: false, ...options }));
}

/** Resolves when the agent knows of a peer that answers STUN there. */
function heard(agent: AgentProcess, address: string): Promise<boolean> {
  const offer = expect.objectContaining({ event: 'services.heard', stun: [{ address, port }] });
  const found = () => agent.events.some((line) => offer.asymmetricMatch({ ...line }));
  return poll(`an offer of STUN at ${address}`, async () => (found() ? true : undefined), { timeoutMs: 30_000 });
}

describe('without STUN servers', () => {
  const strategies = ['tcp-hole-punching', 'udp-hole-punching'] as const;

  /** What a bridges b by, after both have heard of the third agent. */
  async function bridge(net: Lab, strategy: string, stun: string): Promise<AgentLine<'bridge.up'>> {
    const { a, b, c } = net;
    const agents = [await start(a, strategy, stun), await start(b, strategy, stun)] as const;
    await start(c, strategy);
    await net.settled();
    const pings = [a, b].map((host) => host.pingStream(c.router.address, { intervalMs: 200 }));
    await Promise.all(agents.map((agent) => heard(agent, c.address)));
    pings.push(a.pingStream(b.router.address, { intervalMs: 200 }));
    const up = await agents[0].event('bridge.up', { timeoutMs: 60_000, where: ({ peer }) => peer.key === b.router.key });
    await Promise.all(pings.map((ping) => ping.stop()));
    return up;
  }

  it.concurrent.for(strategies)(
    'two agents behind NATs find a direct path by %s with what a third agent tells them',
    async (strategy, test) => {
      const up = await bridge(await network(test, { third: true }), strategy, 'none');
      expect(up).toMatchObject({ kind: 'direct', strategy, remote: expect.stringMatching(/^20\.0\.2\.2:/) });
    },
  );

  it.concurrent.for(strategies)(
    'two agents behind NATs find it by %s all the same where servers are named and silent',
    async (strategy, test) => {
      const net = await network(test, { third: true });
      await net.node('core').exec(['nft', '-f', '-'], { input: 'add rule inet lab forward th dport 3478 drop\n' });
      const up = await bridge(net, strategy, '20.0.9.2:3478');
      expect(up).toMatchObject({ kind: 'direct', strategy, remote: expect.stringMatching(/^20\.0\.2\.2:/) });
    },
  );

  it.concurrent('two agents behind NATs that know no third find none', async (test) => {
    const net = await network(test, { controlling: 'a' });
    const { a, b } = net;
    const [agent] = [await start(a, 'tcp-hole-punching'), await start(b, 'tcp-hole-punching')];
    await net.settled();
    const ping = a.pingStream(b.router.address, { intervalMs: 200 });
    const { failures } = await agent.event('ladder.exhausted');
    expect(failures).toMatchObject([{ code: 'NO_CANDIDATES' }]);
    await ping.stop();
  });
});

describe('behind a gateway', () => {
  it.concurrent.for(['pcp', 'pmp', 'upnp'] as const)(
    'that maps ports (%s) an agent answers its peers at one, and gives it back',
    async (kind, test) => {
      const net = await network(test, { a: kind });
      const { a, b } = net;
      const agents = { a: await start(a, 'port-mapping'), b: await start(b, 'port-mapping') };
      await net.settled();
      const ping = b.pingStream(a.router.address, { intervalMs: 200 });
      await heard(agents.b, '20.0.1.2');
      const answers = JSON.parse(await b.exec([...ask, `20.0.1.2:${port}`])) as unknown;
      expect(answers).toEqual({ tcp: '20.0.2.2', udp: '20.0.2.2' });
      await ping.stop();
      await agents.a.terminate();
      expect(await net.gateway('ra').mappings()).toEqual([]);
    },
  );
});

describe('behind a NAT that maps nothing on request', () => {
  /** Agents a and b with a direct bridge, and a third one that is linked with a. */
  async function bridged(test: TestContext, a: 'cone' | 'prc') {
    const net = await network(test, { a, third: true, turn: true });
    const args = ['--strategies', 'tcp-hole-punching'];
    const agents = { a: net.a.agent({ args }), b: net.b.agent({ args }), c: net.c.agent({ args }) };
    await Promise.all(Object.values(agents).map((agent) => agent.event('signalling.listening')));
    await net.settled();
    net.a.pingStream(net.c.router.address, { intervalMs: 200 });
    net.a.pingStream(net.b.router.address, { intervalMs: 200 });
    await Promise.all([agents.a.event('bridge.up', { where: ({ peer }) => peer.key === net.b.router.key })]);
    return { net, agents };
  }

  it.concurrent('and lets anyone in, an agent answers its peers, for one of them has reached it', async (test) => {
    const { agents } = await bridged(test, 'cone');
    await heard(agents.c, '20.0.1.2');
  });

  it.concurrent('and lets in whom it knows, it offers nothing, for nobody reached it', async (test) => {
    const { agents } = await bridged(test, 'prc');
    const tried = () => agents.b.events.some(({ event }) => String(event) === 'stun.peer-not-reached') || undefined;
    await poll('b has tried', tried, { timeoutMs: 20_000 });
    const offers = agents.c.events.filter((line) => String(line.event) === 'services.heard' && 'stun' in line);
    expect(offers.flatMap((line) => (line as unknown as { stun: { address: string }[] }).stun)).not.toContainEqual(
      expect.objectContaining({ address: '20.0.1.2' }),
    );
  });
});

const ask = [process.execPath, '--import', import.meta.resolve('tsx'), fileURLToPath(new URL('ask.ts', import.meta.url))];

async function start(host: Host, strategy: string, stun = 'none'): Promise<AgentProcess> {
  const agent = host.agent({ stun, args: ['--strategies', strategy] });
  await agent.event('signalling.listening');
  return agent;
}
