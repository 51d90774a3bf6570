import { beforeEach, describe, expect, it } from 'vitest';
import { StrategyError } from '../../src/core/errors.js';
import type { AddressBook, AttemptContext, Path, Role, Strategy, StrategyServices } from '../../src/core/strategy.js';
import { maxProbes, openPorts } from '../../src/strategies/udp-hole-punching/birthday.js';
import { maxChecks } from '../../src/strategies/udp-hole-punching/checks.js';
import { udpHolePunching } from '../../src/strategies/udp-hole-punching/index.js';
import { ProbeBudget, probeBudget } from '../../src/strategies/udp-hole-punching/probe-budget.js';
import { FakeClock } from './fake-clock.js';
import { type FakeNat, type UdpHost, UdpWorld } from './udp-world.js';

const secret = Buffer.alloc(32, 7);
const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** How one end's attempt ended. */
interface Outcome {
  path?: Path;
  error?: unknown;
  at?: number;
}

interface End {
  readonly host: UdpHost;
  readonly outcome: Outcome;
  readonly finished: Promise<void>;
}

let clock: FakeClock;
let world: UdpWorld;
beforeEach(() => {
  clock = new FakeClock();
  world = new UdpWorld(clock);
});

const overlayRttMs = 60;

/** Starts an attempt at two ends, of which a controls. */
function meet(
  natA: FakeNat,
  natB: FakeNat,
  signal = new AbortController().signal,
  addresses: AddressBook = { stunServers: world.stunServers },
): { a: End; b: End } {
  const queues: Record<Role, { waiting: unknown[]; readers: ((message: unknown) => void)[] }> = {
    controlling: { waiting: [], readers: [] },
    controlled: { waiting: [], readers: [] },
  };
  const start = (role: Role, host: UdpHost): End => {
    const strategy = strategyOn(host, addresses);
    const to = queues[role === 'controlling' ? 'controlled' : 'controlling'];
    const context: AttemptContext = {
      signal,
      role,
      secret,
      overlayRttMs,
      peer: { key: 'ab'.repeat(32), address: '200::1' },
      channel: {
        send: async (message) => {
          // As the wire has it.
          const copy: unknown = JSON.parse(JSON.stringify(message));
          clock.setTimer(overlayRttMs / 2, () => {
            const reader = to.readers.shift();
            if (reader) reader(copy);
            else to.waiting.push(copy);
          });
        },
        receive: () => {
          const { waiting, readers } = queues[role];
          if (waiting.length > 0) return Promise.resolve(waiting.shift());
          return new Promise((resolve) => readers.push(resolve));
        },
      },
      prove: async (stream) => stream,
    };
    const outcome: Outcome = {};
    const finished = strategy.attempt(context).then(
      (path) => {
        Object.assign(outcome, { path, at: clock.now() });
      },
      (error: unknown) => {
        Object.assign(outcome, { error, at: clock.now() });
      },
    );
    return { host, outcome, finished };
  };
  return { a: start('controlling', world.host('20.0.1.2', natA)), b: start('controlled', world.host('20.0.2.2', natB)) };
}

function strategyOn(host: UdpHost, addresses: AddressBook = { stunServers: world.stunServers }): Strategy {
  const services: StrategyServices = {
    net: host.net,
    clock,
    random: host.world.random.fork(host.publicAddress),
    log,
    addresses,
    stateDir: '',
    reliableUdp: host,
  };
  return udpHolePunching.create({ carriers: ['udx'], seal: false }, services);
}

const codeOf = ({ error }: Outcome) => (error instanceof StrategyError ? error.code : error);
/** What went from one end’s NAT to the other, STUN servers left out. */
const exchanged = (from: UdpHost) =>
  world.datagrams.filter(({ from: { address }, to }) => address === from.publicAddress && !to.address.startsWith('20.0.9.'));

const hearsOnlyStun = (host: UdpHost) => {
  const receive = host.receive.bind(host);
  host.receive = (datagram) => {
    if (datagram.from.address.startsWith('20.0.9.')) receive(datagram);
  };
};

const prc: FakeNat = { mapping: 'independent' };
const cone: FakeNat = { mapping: 'independent', filtering: 'independent' };
const open: FakeNat = { mapping: 'none', filtering: 'independent' };
const firewall: FakeNat = { mapping: 'none' };
const counting: FakeNat = { mapping: 'sequential' };
const random: FakeNat = { mapping: 'random' };
const blocked: FakeNat = { mapping: 'independent', blocksUdp: true };

describe('a path', () => {
  it.each([
    ['two port-restricted NATs', prc, prc],
    ['a firewall and a full cone', firewall, cone],
    ['two firewalls', firewall, firewall],
    ['a NAT that counts and a port-restricted one', counting, prc],
    ['two NATs that count', counting, counting],
    ['a NAT with random ports and no NAT', random, open],
    ['a NAT with random ports and a full cone', random, cone],
    ['a NAT with random ports and a port-restricted one', random, prc],
    ['a port-restricted NAT and one with random ports', prc, random],
  ] as const)('comes up between %s, carries bytes both ways and leaves one socket', async (_, natA, natB) => {
    const { a, b } = meet(natA, natB);
    await clock.advance(4000);
    const [pathA, pathB] = [a.outcome.path, b.outcome.path];
    if (!pathA || !pathB) throw new Error(`no path: ${String(a.outcome.error)}, ${String(b.outcome.error)}`);
    expect(pathA.info).toMatchObject({ kind: 'direct', carrier: 'udx' });
    expect(pathA.info.remote).toMatch(/^20\.0\.2\.2:\d+$/);
    pathA.write('from a');
    pathB.write('from b');
    await clock.advance(100);
    expect(String(pathB.read())).toBe('from a');
    expect(String(pathA.read())).toBe('from b');
    expect([a.host.sockets.size, b.host.sockets.size]).toEqual([1, 1]);
    pathA.destroy();
    pathB.destroy();
    await clock.advance(1000);
    expect([a.host.sockets.size, b.host.sockets.size]).toEqual([0, 0]);
    expect(clock.pending).toBe(0);
  });

  it('needs no birthday where checks are enough', async () => {
    const { a, b } = meet(random, cone);
    await clock.advance(4000);
    expect(a.outcome.path).toBeDefined();
    expect(a.host.bound).toBe(1);
    expect(exchanged(b.host).length).toBeLessThan(40);
  });
});

describe('an attempt that cannot work', () => {
  it('ends at once between two NATs with random ports, and wastes no packet', async () => {
    const { a, b } = meet(random, random);
    await clock.advance(4000);
    expect(codeOf(a.outcome)).toBe('DOUBLE_RANDOM_NAT');
    expect(codeOf(b.outcome)).toBe('DOUBLE_RANDOM_NAT');
    expect(Math.max(a.outcome.at ?? 0, b.outcome.at ?? 0)).toBeLessThan(500);
    expect([...exchanged(a.host), ...exchanged(b.host)]).toEqual([]);
    expect([a.host.sockets.size, b.host.sockets.size]).toEqual([0, 0]);
  });

  it('ends soon where UDP does not pass, and wastes no packet', async () => {
    const { a, b } = meet(prc, blocked);
    await clock.advance(4000);
    expect(codeOf(a.outcome)).toBe('UDP_BLOCKED');
    expect(codeOf(b.outcome)).toBe('UDP_BLOCKED');
    expect(Math.max(a.outcome.at ?? 0, b.outcome.at ?? 0)).toBeLessThan(1500);
    expect(exchanged(a.host)).toEqual([]);
  });

  it('still tries an address that needs no NAT where UDP seems blocked', async () => {
    const { a, b } = meet(blocked, open);
    await clock.advance(5000);
    expect(exchanged(b.host)).toEqual([]);
    expect(codeOf(a.outcome)).toBe('UDP_BLOCKED');
    expect(a.outcome.at).toBeGreaterThan(2500);
  });

  it('keeps within its bounds when the birthday meets nobody', async () => {
    const { a, b } = meet(prc, random);
    hearsOnlyStun(b.host);
    await clock.advance(9000);
    expect(codeOf(a.outcome)).toBe('PUNCH_TIMEOUT');
    expect(codeOf(b.outcome)).toBe('PUNCH_TIMEOUT');
    expect(b.host.bound).toBe(openPorts + 1);
    // One way is open, so that what it hears is checked in turn beside the probes.
    expect(exchanged(a.host).length).toBeLessThanOrEqual(maxProbes + maxChecks);
    expect(exchanged(b.host).length).toBeLessThanOrEqual(3 * openPorts + 120);
    expect([a.host.sockets.size, b.host.sockets.size, clock.pending]).toEqual([0, 0, 0]);
  });

  it.each([
    ['no offer at all', null],
    [
      'a port that is none',
      { candidates: [{ type: 'host', address: '20.0.2.2', port: 70_000 }], mapping: 'independent', samples: [], streamId: 1 },
    ],
    [
      'more candidates than there may be',
      {
        candidates: Array(17).fill({ type: 'host', address: '20.0.2.2', port: 4000 }),
        mapping: 'unknown',
        samples: [],
        streamId: 1,
      },
    ],
    ['a mapping that nobody knows', { candidates: [], mapping: 'magic', samples: [], streamId: 1 }],
  ])('ends when the peer sends %s', async (_, offer) => {
    const host = world.host('20.0.1.2', prc);
    const context: AttemptContext = {
      signal: new AbortController().signal,
      role: 'controlling',
      secret,
      overlayRttMs,
      peer: { key: 'ab'.repeat(32), address: '200::1' },
      channel: { send: async () => {}, receive: async () => offer },
      prove: async (stream) => stream,
    };
    const failure = strategyOn(host)
      .attempt(context)
      .catch((error: unknown) => error);
    await clock.advance(500);
    expect(await failure).toMatchObject({ code: 'CANDIDATES_INVALID' });
    expect([host.sockets.size, clock.pending]).toEqual([0, 0]);
  });

  it('says so where nothing makes streams of datagrams', async () => {
    const { a } = meet(prc, prc);
    const services = { net: a.host.net, clock, random: world.random, log, addresses: { stunServers: [] }, stateDir: '' };
    const strategy = udpHolePunching.create({ carriers: ['udx'], seal: false }, services);
    expect(await strategy.probe?.({ signal: new AbortController().signal })).toMatchObject({ usable: 'no' });
    await expect(strategy.attempt({} as AttemptContext)).rejects.toMatchObject({ code: 'RELIABLE_UDP_MISSING' });
  });
});

describe('peers that answer STUN', () => {
  const never = new AbortController().signal;
  const asked = (server: string) => world.datagrams.filter(({ to }) => `${to.address}:${to.port}` === server);

  it('are enough where no server is named', async () => {
    const { a } = meet(prc, prc, never, { stunServers: [], stunPeers: world.stunServers });
    await clock.advance(4000);
    expect(a.outcome.path).toBeDefined();
  });

  it('are asked when the servers are silent', async () => {
    const { a } = meet(prc, prc, never, { stunServers: ['20.0.8.2:3478'], stunPeers: world.stunServers });
    await clock.advance(6000);
    expect(a.outcome.path).toBeDefined();
  });

  it('are not asked when a server answers', async () => {
    meet(prc, prc, never, { stunServers: world.stunServers, stunPeers: ['20.0.8.2:3478'] });
    await clock.advance(4000);
    expect(asked('20.0.8.2:3478')).toEqual([]);
  });

  it('do not pass for blocked UDP when they are silent', async () => {
    const { a } = meet(prc, prc, never, { stunServers: [], stunPeers: ['20.0.8.2:3478'] });
    await clock.advance(6000);
    expect(codeOf(a.outcome)).toBe('NO_CANDIDATES');
  });
});

describe('probes of a birthday', () => {
  it('keep their pace', async () => {
    const { a, b } = meet(prc, random);
    hearsOnlyStun(b.host);
    const perTick = new Map<number, number>();
    const send = world.send.bind(world);
    world.send = (datagram) => {
      if (datagram.from.address === a.host.publicAddress) {
        perTick.set(Math.floor(clock.now() / 100), (perTick.get(Math.floor(clock.now() / 100)) ?? 0) + 1);
      }
      send(datagram);
    };
    await clock.advance(9000);
    // 1,600 a second, and the paced checks beside them.
    expect(Math.max(...perTick.values())).toBeLessThanOrEqual(175);
  });

  it('end with the first sign of the peer', async () => {
    const { a, b } = meet(prc, random);
    await clock.advance(6000);
    expect(a.outcome.path).toBeDefined();
    const settledAt = Math.max(a.outcome.at ?? 0, b.outcome.at ?? 0);
    const count = world.datagrams.length;
    await clock.advance(5000);
    expect(world.datagrams).toHaveLength(count);
    expect(settledAt).toBeLessThan(2500);
  });
});

describe('probes for one peer', () => {
  it('end when it has had its share, and the attempt says so', async () => {
    const host = world.host('20.0.1.2', prc);
    const strategy = strategyOn(host);
    const victim = { type: 'server-reflexive', address: '20.0.7.7', port: 4000 };
    const samples = [4000, 9000, 2000].map((port) => ({ address: victim.address, port }));
    const attempt = async (key: string) => {
      const context: AttemptContext = {
        signal: new AbortController().signal,
        role: 'controlling',
        secret,
        overlayRttMs,
        peer: { key, address: '200::1' },
        channel: {
          send: async () => {},
          receive: async () => ({ candidates: [victim], mapping: 'random', samples, streamId: 1 }),
        },
        prove: async (stream) => stream,
      };
      const failure = strategy.attempt(context).catch((error: unknown) => error);
      await clock.advance(8000);
      return ((await failure) as StrategyError).code;
    };
    const codes: unknown[] = [];
    for (let count = 0; count < 6; count++) codes.push(await attempt('ab'.repeat(32)));
    expect(codes).toEqual([...Array(4).fill('PUNCH_TIMEOUT'), 'PROBES_SPENT', 'PROBES_SPENT']);
    const { burst, perSecond } = probeBudget.peer;
    // And the checks of each attempt beside them.
    expect(exchanged(host).length).toBeLessThanOrEqual(burst + 48 * perSecond + 6 * 120);
    expect(await attempt('cd'.repeat(32))).toBe('PUNCH_TIMEOUT');
  });

  it('end for all peers together, too', () => {
    const budget = new ProbeBudget(clock);
    const { burst } = probeBudget.all;
    for (let peer = 0; peer * 4000 < burst; peer++) expect(budget.take(String(peer), 4000)).toBe(true);
    expect(budget.take('one more', 8)).toBe(false);
  });
});

describe('an abort', () => {
  it.each([0, 5, 15, 40, 80, 130, 160, 200, 210, 260, 330])('after %i ms leaves no socket and no timer', async (delay) => {
    const call = new AbortController();
    // Nobody gets through, so that every moment is one of trying.
    const { a, b } = meet(prc, random, call.signal);
    hearsOnlyStun(a.host);
    hearsOnlyStun(b.host);
    await clock.advance(delay);
    call.abort(new StrategyError('ATTEMPT_ABORTED', 'called off'));
    await Promise.all([a.finished, b.finished]);
    expect(codeOf(a.outcome)).toBe('ATTEMPT_ABORTED');
    expect(codeOf(b.outcome)).toBe('ATTEMPT_ABORTED');
    expect([a.host.sockets.size, b.host.sockets.size]).toEqual([0, 0]);
    const sent = () => [...exchanged(a.host), ...exchanged(b.host)].length;
    const before = sent();
    // What is on its way arrives.
    await clock.advance(100);
    expect(sent()).toBe(before);
    expect(clock.pending).toBe(0);
  });
});
