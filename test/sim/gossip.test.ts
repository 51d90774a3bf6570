import { describe, expect, it } from 'vitest';
import { type AgentSettings, type Host, SimulatedNetwork, SimulatedNode } from '../../src/testing.js';

/** The key that a host's router will have. */
const keyOf = (host: Host) => Buffer.from(host.random.fork('key').bytes(32)).toString('hex');
const naming = (host: Host) => ({ use: 'static', options: { peers: [keyOf(host)] } });
const random = { mapping: 'address-and-port-dependent', allocation: 'random' } as const;
const relayOnly: AgentSettings = { strategies: ['relay'], relay: { use: 'always' }, stunResponder: { enabled: false } };
const relaying: AgentSettings = { ...relayOnly, relay: { use: 'always', volunteer: { enabled: true } } };

/** Two agents behind NATs with random ports, a relay, and an agent that the first knows and that knows the relay. */
async function bootstrap(world: SimulatedNetwork, gossip: unknown = 'gossip') {
  const hosts = {
    relay: world.host('relay'),
    known: world.host('known'),
    first: world.nat(random).host('first'),
    third: world.nat(random).host('third'),
  };
  const directory = new Map<string, string>();
  const start = (host: Host, settings: AgentSettings) => SimulatedNode.start(host, directory, settings);
  const nodes = {
    relay: await world.until(start(hosts.relay, { ...relaying, discovery: ['sessions', 'gossip'] })),
    known: await world.until(start(hosts.known, { ...relayOnly, discovery: ['sessions', 'gossip', naming(hosts.relay)] })),
    third: await world.until(start(hosts.third, { ...relayOnly, discovery: ['sessions', 'gossip', naming(hosts.known)] })),
    first: await world.until(
      start(hosts.first, { ...relayOnly, discovery: ['sessions', gossip, naming(hosts.known)] as AgentSettings['discovery'] }),
    ),
  };
  return { hosts, nodes, directory };
}

/** Lets time pass, with traffic between two routers, until the first end has a bridge to the other. */
async function bridgeWith(world: SimulatedNetwork, node: SimulatedNode, other: SimulatedNode, withinMs: number) {
  for (let passedMs = 0; passedMs < withinMs; passedMs += 1000) {
    await node.router.sendTo(other.router.address);
    await world.run(1000);
    const up = node.events.find((event) => event.event === 'bridge.up' && event.peer.key === other.router.key);
    if (up) return up;
  }
  return undefined;
}

describe('an agent that knows one agent and nothing else', () => {
  it('ends bridged with a third by a relay that it learnt of', async () => {
    const world = new SimulatedNetwork({ seed: 1 });
    const { nodes } = await bootstrap(world);
    const up = await bridgeWith(world, nodes.first, nodes.third, 120_000);
    expect(up).toMatchObject({ strategy: 'relay', kind: 'relayed' });
  });
});
