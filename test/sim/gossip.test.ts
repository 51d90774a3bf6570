import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/core/config.js';
import { isOverlayAddress } from '../../src/core/overlay-address.js';
import { greet } from '../../src/core/signalling/greeting.js';
import type { SignallingLink } from '../../src/core/signalling/link.js';
import { feature } from '../../src/core/signalling/messages.js';
import { inviteUris, StandaloneRelay } from '../../src/relay/standalone.js';
import { SimulatedRouter } from '../../src/testing/simulated-router.js';
import { type AgentSettings, type Host, SimulatedNetwork, SimulatedNode } from '../../src/testing.js';

/** The key that a host's router will have. */
const keyOf = (host: Host) => Buffer.from(host.random.fork('key').bytes(32)).toString('hex');
const naming = (host: Host) => ({ use: 'static', options: { peers: [keyOf(host)] } });
const random = { mapping: 'address-and-port-dependent', allocation: 'random' } as const;
const relayOnly: AgentSettings = { strategies: ['relay'], relay: { use: 'always' }, stunResponder: { enabled: false } };
const relaying: AgentSettings = { ...relayOnly, relay: { use: 'always', volunteer: { enabled: true } } };

const gossiping = ['sessions', 'gossip'];

/** A relay's host, one that knows it, and two behind NATs with random ports. */
function makeHosts(seed: number) {
  const world = new SimulatedNetwork({ seed });
  const hosts = {
    relay: world.host('relay'),
    known: world.host('known'),
    third: world.nat(random).host('third'),
    first: world.nat(random).host('first'),
  };
  const directory = new Map<string, string>();
  const start = (host: Host, own: AgentSettings) => world.until(SimulatedNode.start(host, directory, { ...relayOnly, ...own }));
  /** The same disk, in a machine that nobody knows yet. */
  const startAgain = ({ files }: Host) => {
    const machine = world.nat(random).host('again');
    for (const [path, text] of files.texts) machine.files.texts.set(path, text);
    return start(machine, { discovery: gossiping });
  };
  return { world, hosts, start, startAgain };
}

/** Two agents behind NATs with random ports, a relay, and an agent that knows the relay and that the first of the two knows. */
async function neighbourhood(settings: { readonly relay?: AgentSettings } = {}) {
  const { world, hosts, start, startAgain } = makeHosts(1);
  const nodes = {
    relay: await start(hosts.relay, { ...relaying, discovery: gossiping, ...settings.relay }),
    known: await start(hosts.known, { discovery: [...gossiping, naming(hosts.relay)] }),
    third: await start(hosts.third, { discovery: gossiping }),
    first: await start(hosts.first, { discovery: [...gossiping, naming(hosts.known)] }),
  };
  return { world, hosts, nodes, startAgain };
}

const bridgesWith = (node: SimulatedNode, other: SimulatedNode) =>
  node.events.filter((event) => event.event === 'bridge.up' && event.peer.key === other.router.key);

describe('an agent that knows one agent and nothing else', () => {
  it('ends bridged with a third by a relay that it learnt of', async () => {
    const { world, nodes } = await neighbourhood();
    await nodes.first.router.sendTo(nodes.third.router.address);
    await world.run(60_000);
    expect(bridgesWith(nodes.first, nodes.third)).toMatchObject([{ strategy: 'relay', kind: 'relayed' }]);
  });

  it('says of what it learnt who told of it', async () => {
    const { world, nodes } = await neighbourhood();
    await world.run(30_000);
    const found = nodes.first.events.filter((event) => event.event === 'peer.found' && event.source === 'gossip');
    expect(found).toMatchObject([{ peer: { key: nodes.relay.router.key }, toldBy: { key: nodes.known.router.key } }]);
  });

  it('keeps in touch with a relay while nothing goes over the link, and has no bridge to it', async () => {
    const { world, nodes } = await neighbourhood();
    await world.run(10 * 60_000);
    expect(bridgesWith(nodes.first, nodes.relay)).toEqual([]);
    const met = ({ events }: SimulatedNode) =>
      events.filter((event) => event.event === 'signalling.connected' && event.peer.key === nodes.relay.router.key).length;
    const parted = ({ events }: SimulatedNode) =>
      events.filter((event) => event.event === 'signalling.closed' && event.peer.key === nodes.relay.router.key).length;
    expect([met(nodes.first), parted(nodes.first)]).toEqual([1, 0]);
  });

  it('finds a relay full without taking the place of another, and without calling who told of it a liar', async () => {
    const { world, nodes } = await neighbourhood({ relay: { signalling: { maxPeers: 1 } } });
    await world.run(5 * 60_000);
    const refused = nodes.relay.events.filter(({ event }) => event === 'signalling.failed');
    expect(refused).toMatchObject([{ code: 'SIGNALLING_TOO_MANY', remote: nodes.first.router.address }]);
    expect(nodes.relay.events.filter(({ event }) => event === 'signalling.closed')).toEqual([]);
    expect(nodes.first.events.filter((event) => event.event === 'log' && event.name === 'gossip.ignored')).toEqual([]);
  });

  it('learns nothing of an agent that does not gossip', async () => {
    const { world, nodes } = await neighbourhood({ relay: { discovery: ['sessions'] } });
    await world.run(60_000);
    expect(nodes.first.events.filter((event) => event.event === 'peer.found' && event.source === 'gossip')).toEqual([]);
  });

  it('still has its relay after a restart when nobody is left to tell of it, and gives everything back at the end', async () => {
    const { world, hosts, nodes, startAgain } = await neighbourhood();
    await world.run(60_000);
    await world.until(Promise.all([nodes.first.stop(), nodes.known.stop()]));
    const again = await startAgain(hosts.first);
    await again.router.sendTo(nodes.third.router.address);
    await world.run(60_000);
    expect(bridgesWith(again, nodes.third)).toMatchObject([{ kind: 'relayed' }]);
    await world.until(Promise.all([again.stop(), nodes.third.stop(), nodes.relay.stop()]));
  });
});

/** A relay that needs no router, and an invite to it. */
async function startRelay(
  host: Host,
): Promise<{ readonly relay: StandaloneRelay; readonly uri: string; readonly place: string }> {
  const { net, clock, random: own, files } = host;
  const config = { ...parseConfig('', 'nothing'), stateDir: '/relay' };
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const listen = [{ address: '0.0.0.0', port: 4704 }];
  const relay = await StandaloneRelay.open({ net, clock, random: own, files, log, listen, config, revoked: new Set() });
  const [uri = ''] = await inviteUris('alice', { net, random: own, files, config });
  return { relay, uri, place: uri.split('@')[1] ?? '' };
}

/** Two agents behind NATs with random ports, of which one knows an agent that has an invite to a relay without a router. */
async function invited({ knownStartsAfterMs = 0 } = {}) {
  const { world, hosts, start, startAgain } = makeHosts(4);
  const { relay, uri, place } = await world.until(startRelay(hosts.relay));
  const startKnown = () => start(hosts.known, { discovery: gossiping, relay: { use: 'always', servers: [uri] } });
  const early = knownStartsAfterMs === 0 ? await startKnown() : undefined;
  const third = await start(hosts.third, {});
  const first = await start(hosts.first, { discovery: [...gossiping, naming(hosts.known)] });
  await first.router.sendTo(third.router.address);
  await world.run(knownStartsAfterMs);
  const known = early ?? (await startKnown());
  return { world, hosts, relay, place, startAgain, nodes: { known, third, first } };
}

const learnt = ({ events }: SimulatedNode) => events.filter((event) => event.event === 'log' && event.name === 'relay.learnt');

describe('a relay without a router', () => {
  it('serves an agent that knows one agent and nothing else', async () => {
    const { world, nodes, relay, place } = await invited();
    await world.run(60_000);
    expect(learnt(nodes.first)).toMatchObject([{ fields: { relay: place, toldBy: nodes.known.router.address } }]);
    expect(bridgesWith(nodes.first, nodes.third)).toMatchObject([{ strategy: 'relay', kind: 'relayed', relay: place }]);
    expect(relay.server.users).toContainEqual(expect.objectContaining({ name: 'alice/guests', circuits: 1 }));
  });

  it('is told of without the invite itself', async () => {
    const { world, hosts, nodes } = await invited();
    await world.run(60_000);
    const kept = [...hosts.first.files.texts].find(([file]) => file.endsWith('relays.json'))?.[1] ?? '';
    expect(JSON.parse(kept)).toMatchObject({ relays: [{ name: expect.stringMatching(/^alice\/[0-9a-f]{8}$/) }] });
    expect(learnt(nodes.third)).toEqual([]);
  });

  it('is still known after a restart when nobody is left to tell of it', async () => {
    const { world, hosts, nodes, startAgain } = await invited();
    await world.run(60_000);
    await world.until(Promise.all([nodes.first.stop(), nodes.known.stop()]));
    const again = await startAgain(hosts.first);
    await again.router.sendTo(nodes.third.router.address);
    await world.run(60_000);
    expect(bridgesWith(again, nodes.third)).toMatchObject([{ kind: 'relayed' }]);
  });

  it('ends the rest of a peer with whom every strategy had failed, as soon as it is learnt of', async () => {
    const { world, nodes } = await invited({ knownStartsAfterMs: 20 * 60_000 });
    const exhausted = [nodes.first, nodes.third].flatMap(({ events }) =>
      events.filter(({ event }) => event === 'ladder.exhausted'),
    );
    expect(exhausted.at(-1)).toMatchObject({ retryInMs: expect.any(Number) });
    await world.until(
      new Promise<void>((resolve) => {
        const look = () => (learnt(nodes.first).length > 0 ? resolve() : void nodes.first.host.clock.setTimer(100, look));
        look();
      }),
    );
    await world.run(5000);
    expect(bridgesWith(nodes.first, nodes.third)).toMatchObject([{ kind: 'relayed' }]);
  });
});

describe('an agent that is to bridge whom it is told of', () => {
  it('does so without a session', async () => {
    const world = new SimulatedNetwork({ seed: 2 });
    const hosts = { a: world.host('a'), known: world.host('known'), b: world.host('b') };
    const directory = new Map<string, string>();
    const strategies = ['tcp-hole-punching'];
    const start = (host: Host, discovery: AgentSettings['discovery']) =>
      world.until(SimulatedNode.start(host, directory, { strategies, discovery }));
    await start(hosts.known, gossiping);
    const b = await start(hosts.b, [...gossiping, naming(hosts.known)]);
    const a = await start(hosts.a, ['sessions', { use: 'gossip', options: { bridge: true } }, naming(hosts.known)]);
    await world.run(90_000);
    expect(bridgesWith(a, b)).toMatchObject([{ kind: 'direct' }]);
  });
});

/** An agent that lies: it speaks as the protocol wants, and tells of relays that there are none of. */
async function startLiar(host: Host, directory: Map<string, string>): Promise<readonly SignallingLink[]> {
  const router = await SimulatedRouter.start(host, directory, { key: keyOf(host) });
  const links: SignallingLink[] = [];
  const { clock, random: own } = host;
  const hello = { agent: '6.6.6', key: router.key, router: '0.5.14', strategies: [], features: [feature.gossip] };
  await host.net.listenTcp({
    local: { address: router.address, port: 4702 },
    sharePort: true,
    onStream: (stream) => {
      const remote = stream.remoteAddress ?? '';
      const { signal } = new AbortController();
      void greet(stream, { hello, remote, dialled: false, clock, random: own, signal, admit: () => {} }).then(
        (link) => links.push(link),
        () => {},
      );
    },
  });
  return links;
}

describe('a liar that tells of 10,000 relays', () => {
  async function besieged() {
    const world = new SimulatedNetwork({ seed: 3 });
    const hosts = { liar: world.host('liar'), victim: world.host('victim') };
    const directory = new Map<string, string>();
    const links = await world.until(startLiar(hosts.liar, directory));
    const discovery = [...gossiping, naming(hosts.liar)];
    const victim = await world.until(SimulatedNode.start(hosts.victim, directory, { ...relayOnly, discovery }));
    const sentTo: string[] = [];
    world.onPacket(({ event, from, packet }) => {
      if (event === 'sent' && from === hosts.victim) sentTo.push(packet.destination.address);
    });
    let told = 0;
    const tell = () => {
      const agents = Array.from({ length: 64 }, () => ({
        key: Buffer.from(hosts.liar.random.bytes(32)).toString('hex'),
        offers: ['relay'] as const,
        ageMs: 0,
      }));
      for (const link of links) link.gossip.tell(agents);
      told += agents.length;
    };
    await world.run(2000);
    return { world, victim, sentTo, links, tell, told: () => told };
  }

  const asked = ({ events }: SimulatedNode) => events.filter(({ event }) => event === 'signalling.failed').length;

  it('moves no traffic, costs a few questions over the overlay, and is ignored after', async () => {
    const { world, victim, sentTo, tell, told } = await besieged();
    while (told() < 10_000) {
      tell();
      await world.run(15_000);
    }
    expect(victim.events.filter((event) => event.event === 'log' && event.name === 'gossip.ignored')).toHaveLength(1);
    expect(asked(victim)).toBeGreaterThan(3);
    expect(asked(victim)).toBeLessThan(9);
    expect(sentTo.filter((address) => !isOverlayAddress(address))).toEqual([]);
  });

  it('is not believed when it tells as fast as signalling allows', async () => {
    const { world, victim, tell, told } = await besieged();
    while (told() < 10_000) {
      for (let message = 0; message < 40; message++) tell();
      await world.run(1000);
    }
    await world.run(10 * 60_000);
    expect(asked(victim)).toBeLessThan(9);
    expect(victim.events.filter(({ event }) => event === 'signalling.closed')).toEqual([]);
  });

  it('of relays without a router has a few of them asked, uses none, and is ignored after', async () => {
    const { world, victim, sentTo, links } = await besieged();
    let number = 0;
    for (let round = 0; round < 40; round++) {
      const relays = Array.from({ length: 4 }, () => ({
        ...{ host: `51.${(number >> 8) & 255}.${number++ & 255}.1`, port: 4704, name: 'alice', token: 'ab'.repeat(32) },
      }));
      for (const link of links) link.gossip.tell([], relays);
      await world.run(15_000);
    }
    expect(victim.events.filter((event) => event.event === 'log' && event.name === 'gossip.ignored')).toHaveLength(1);
    expect(new Set(sentTo.filter((address) => !isOverlayAddress(address))).size).toBe(4);
    expect(learnt(victim)).toEqual([]);
  });
});
