import { afterEach, describe, expect, it } from 'vitest';
import { parseCoordinatorUri } from '../../src/core/config/coordinator-uri.js';
import { defaultConfig } from '../../src/core/config.js';
import type { AgentEvent, EventName } from '../../src/core/events.js';
import { type CoordinatorOptions, CoordinatorServer } from '../../src/relay/coordinator/coordinator-server.js';
import { coordinatorUris } from '../../src/relay/coordinator/standalone.js';
import { relaySecret } from '../../src/relay/relay-secret.js';
import { inviteUris, StandaloneRelay } from '../../src/relay/standalone.js';
import { type AgentSettings, type Host, SimulatedNetwork, SimulatedNode } from '../../src/testing.js';

const log = { debug() {}, info() {}, warn() {}, error() {} };
const random = { mapping: 'address-and-port-dependent', allocation: 'random' } as const;
const config = { ...defaultConfig(), stateDir: '/var/lib/ratatoskr' };
const keyOf = (host: Host) => Buffer.from(host.random.fork('key').bytes(32)).toString('hex');

let ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  ends = [];
});

/** A relay on a public host. */
class SimulatedRelay {
  private running: StandaloneRelay | undefined;
  constructor(readonly host: Host) {}

  get place(): string {
    return `${this.host.address}:4704`;
  }

  async start(): Promise<void> {
    this.running = await StandaloneRelay.open({ ...partsOf(this.host), revoked: new Set(), config });
  }

  async stop(): Promise<void> {
    await this.running?.close();
  }

  async invite(): Promise<string> {
    const [uri = ''] = await inviteUris('agents', partsOf(this.host), [{ host: this.host.address, port: 4704 }]);
    return uri;
  }
}

function partsOf({ net, clock, random: dice, files }: Host) {
  return { net, clock, random: dice, files, log, config };
}

/** Two agents behind NATs with random ports, a relay near them, one that is far, and a coordinator. */
async function world(relay: Partial<NonNullable<AgentSettings['relay']>> = {}, choose?: (relays: Relays) => readonly string[]) {
  const network = new SimulatedNetwork({ seed: 7 });
  const relays = {
    near: new SimulatedRelay(network.host('near')),
    far: new SimulatedRelay(network.host('far', { line: { delayMs: 100 } })),
  };
  await network.until(Promise.all([relays.near.start(), relays.far.start()]));
  const servers = await network.until(Promise.all([relays.far.invite(), relays.near.invite()]));
  const coordinatorLine = { delayMs: 10, loss: 0 };
  const place = network.host('coordinator', { line: coordinatorLine });
  const start = async (options: Partial<CoordinatorOptions> = {}) => {
    const secret = await relaySecret(config.stateDir, place);
    const listen = [{ address: place.address, port: 4705 }];
    const lie = choose && (() => ({ out: [...choose(relays)], back: choose(relays).toReversed() }));
    const server = await CoordinatorServer.open({ ...partsOf(place), listen, secret, ...(lie && { choose: lie }), ...options });
    ends.push(() => network.until(server.close()));
    return server;
  };
  const coordinator = await network.until(start());
  const directory = new Map<string, string>();
  const agent = async (name: string) => {
    const host = network.nat(random).host(name);
    const at = [{ host: place.address, port: 4705 }];
    const [uri = ''] = await network.until(coordinatorUris(keyOf(host), partsOf(place), at));
    const settings: AgentSettings = {
      strategies: ['relay'],
      stunResponder: { enabled: false },
      relay: { use: 'always', servers, routes: { mode: 'super', coordinator: uri }, ...relay },
    };
    const node = await network.until(SimulatedNode.start(host, directory, settings));
    ends.push(() => network.until(node.stop()));
    return node;
  };
  const [a, b] = [await agent('a'), await agent('b')];
  ends.push(() => network.until(Promise.all([relays.near.stop(), relays.far.stop()]).then(() => {})));
  const talk = () => network.until(a.router.sendTo(b.router.address));
  return { network, relays, coordinator, coordinatorLine, start, a, b, talk };
}
type Relays = { readonly near: SimulatedRelay; readonly far: SimulatedRelay };

function told<Name extends EventName>(node: SimulatedNode, name: Name): Extract<AgentEvent, { event: Name }>[] {
  return node.events.filter((event): event is Extract<AgentEvent, { event: Name }> => event.event === name);
}
/** The relays of an agent's bridges, in their order. */
const relaysOf = (node: SimulatedNode) => told(node, 'bridge.up').map(({ relay }) => relay);

describe('agents with a coordinator', () => {
  it('report to it, ask it, and go by the relay that is nearest', async () => {
    const { network, relays, coordinator, a, b, talk } = await world();
    await talk();
    await network.run(5000);
    expect(relaysOf(a)).toEqual([relays.near.place]);
    expect(coordinator.status).toMatchObject({ connected: 2, agents: 2, delays: 4 });
    expect(coordinator.status.asked).toBeGreaterThan(0);
    expect(told(b, 'routes.mode')).toMatchObject([{ mode: 'super' }]);
    expect(told(b, 'routes.coordinated')).toHaveLength(1);
  });

  it('go by what it says', async () => {
    const { network, relays, a, talk } = await world({}, ({ far }) => [far.place]);
    await talk();
    await network.run(10_000);
    expect(relaysOf(a)[0]).toBe(relays.far.place);
  });

  it('go over two relays in a row where it says so', async () => {
    const { network, relays, a, b, talk } = await world({}, ({ near, far }) => [near.place, far.place]);
    await talk();
    await network.run(10_000);
    const ways = [`${relays.near.place} then ${relays.far.place}`, `${relays.far.place} then ${relays.near.place}`];
    expect([relaysOf(a)[0], relaysOf(b)[0]].sort()).toEqual(ways.sort());
  });

  it('report to it what relays say of one another', async () => {
    const { network, coordinator, talk } = await world();
    await talk();
    await network.run(40_000);
    expect(coordinator.status.links).toBeGreaterThan(0);
  });

  it.each([
    ['knows nothing of the two', []],
    ['names a relay that nobody offered', ['192.0.2.99:4704']],
    ['names a way that they cannot make', ['20.0.0.2:4704', '20.0.0.2:4704']],
  ])('measure for themselves where it %s', async (_what, answer) => {
    const { network, relays, a, talk } = await world({}, () => answer);
    await talk();
    await network.run(5000);
    expect(relaysOf(a)).toEqual([relays.near.place]);
  });
});

describe('a coordinator that is away', () => {
  it('freezes the routes: bridges stay, and new ones go where it said last', async () => {
    const { network, relays, coordinator, a, b, talk } = await world({}, ({ far }) => [far.place]);
    await talk();
    await network.run(5000);
    await network.until(coordinator.close());
    await network.run(60_000);
    for (const agent of [a, b]) expect(told(agent, 'routes.frozen')).toMatchObject([{ code: 'COORDINATOR_UNREACHABLE' }]);
    const before = relaysOf(a).length;
    expect(told(a, 'bridge.down').filter(({ code }) => code !== 'PATH_SUPERSEDED')).toEqual([]);
    await network.until(Promise.all([relays.near.stop(), relays.far.stop()]));
    await network.run(90_000);
    await network.until(Promise.all([relays.near.start(), relays.far.start()]));
    await talk();
    await network.run(180_000);
    expect(relaysOf(a)[before]).toBe(relays.far.place);
  });

  it('is asked again when it is back', async () => {
    const { network, coordinator, start, a } = await world();
    await network.run(5000);
    await network.until(coordinator.close());
    await network.run(5000);
    await network.until(start());
    await network.run(60_000);
    expect(told(a, 'routes.coordinated')).toHaveLength(2);
    expect(told(a, 'routes.frozen')).toHaveLength(1);
  });

  it('is missed within half a minute when it vanishes without a word', async () => {
    const { network, coordinatorLine, a } = await world();
    await network.run(5000);
    coordinatorLine.loss = 1;
    await network.run(30_000);
    expect(told(a, 'routes.frozen')).toMatchObject([{ code: 'COORDINATOR_UNREACHABLE' }]);
  });

  it('leaves agents that it never told anything to what they measure', async () => {
    const { network, relays, coordinator, a, talk } = await world();
    await network.until(coordinator.close());
    await talk();
    await network.run(5000);
    expect(relaysOf(a)).toEqual([relays.near.place]);
  });
});

describe('a coordinator that lies', () => {
  it('replaces no overlay route that is faster', async () => {
    const { network, a, talk } = await world({ use: 'faster' }, ({ far }) => [far.place]);
    await talk();
    await network.run(10_000);
    expect(relaysOf(a)).toEqual([]);
    expect(told(a, 'path.proven').length).toBeGreaterThan(0);
  });

  it('moves no path in use to a longer way', async () => {
    let answer: 'near' | 'far' = 'near';
    const { network, relays, coordinator, a, talk } = await world({}, (all) => [all[answer].place]);
    await talk();
    await network.run(5000);
    answer = 'far';
    const { asked } = coordinator.status;
    await network.run(60_000);
    expect(coordinator.status.asked).toBeGreaterThan(asked);
    expect(relaysOf(a)).toEqual([relays.near.place]);
  });
});

it('an invite is made out to one key', async () => {
  const network = new SimulatedNetwork({ seed: 1 });
  const host = network.host('coordinator');
  const places = [{ host: '192.0.2.1', port: 4705 }];
  const [one, again, other] = await Promise.all(
    ['1', '1', '2'].map(async (digit) => {
      const [uri = ''] = await coordinatorUris(digit.repeat(64), partsOf(host), places);
      return parseCoordinatorUri(uri);
    }),
  );
  expect(one).toMatchObject({ key: '1'.repeat(64), host: '192.0.2.1', port: 4705 });
  expect(again).toEqual(one);
  expect(other?.token).not.toBe(one?.token);
});
