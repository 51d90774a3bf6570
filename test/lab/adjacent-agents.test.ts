import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { AgentProcess } from './agent-process.js';
import { Lab, type LabOptions } from './lab.js';
import { publicAddresses } from './topology.js';

let lab: Lab | undefined;
afterEach(async () => {
  await lab?.close();
  lab = undefined;
});

interface Neighbourhood {
  readonly net: Lab;
  readonly a: AgentProcess;
  readonly b: AgentProcess;
  /** The agent beside the router that both others are peered with. */
  readonly p: AgentProcess;
}

/** Two agents that know of no server, and one on the host that their routers are peered with, which answers STUN and relays. */
async function neighbourhood(kinds: LabOptions, args: readonly string[]): Promise<Neighbourhood> {
  lab = await Lab.create({ turn: false, ...kinds });
  const net = lab;
  writeFileSync(join(net.p.folder, 'agent.conf'), JSON.stringify({ relay: { volunteer: { enabled: true } } }));
  const p = net.p.agent({ stun: 'none', args: ['--config', `${net.p.insideFolder}/agent.conf`] });
  // Who asks before there is an answer leaves it alone for ten minutes.
  await p.event('signalling.listening');
  const [a, b] = [net.a.agent({ stun: 'none', args }), net.b.agent({ stun: 'none', args })];
  await Promise.all([a, b].map((agent) => agent.event('signalling.listening')));
  await net.settled();
  net.a.pingStream(net.b.router.address, { intervalMs: 200 });
  return { net, a, b, p };
}

const directStrategies = ['tcp-hole-punching', 'udp-hole-punching'];

describe('the agent of a router that both are peered with', () => {
  it.each(directStrategies)('tells two agents enough for %s, and is not bridged itself', async (strategy) => {
    const { net, a, b, p } = await neighbourhood({}, ['--strategies', strategy]);
    const [up] = await Promise.all([a.event('bridge.up'), b.event('bridge.up')]);
    expect(up).toMatchObject({ strategy, kind: 'direct', remote: expect.stringMatching(/^20\.0\.2\.2:/) });
    expect(await a.event('signalling.connected', { where: ({ peer }) => peer.key === net.p.router.key })).toBeDefined();
    expect(await p.bridges()).toEqual([]);
    expect(p.events.filter(({ event }) => event === 'attempt.started')).toEqual([]);
  });

  it('relays for two agents that no direct path can join', async () => {
    const { a, b } = await neighbourhood({ a: 'sym', b: 'sym' }, ['--strategies', 'relay', '--relay', 'always']);
    const [up] = await Promise.all([a.event('bridge.up'), b.event('bridge.up')]);
    expect(up).toMatchObject({ strategy: 'relay', kind: 'relayed' });
    // It has two addresses, and neither is nearer.
    expect(publicAddresses.map((address) => `${address}:4704`)).toContain(up.relay);
  });

  it('is left alone by one that has a STUN server, as long as that needs no bridge', async () => {
    lab = await Lab.create({ turn: false });
    const [a, p] = [lab.a.agent(), lab.p.agent()];
    await Promise.all([a, p].map((agent) => agent.event('signalling.listening')));
    await lab.settled();
    const { received } = await lab.a.ping(lab.p.router.address);
    expect(received).toBe(3);
    expect([...a.events, ...p.events].filter(({ event }) => event === 'signalling.connected')).toEqual([]);
  });
});
