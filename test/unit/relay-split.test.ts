import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock as clock } from '../../src/core/clock.js';
import { StrategyError } from '../../src/core/errors.js';
import type { Net } from '../../src/core/net.js';
import { systemRandom as random } from '../../src/core/random.js';
import { createSystemNet } from '../../src/native/system-net.js';
import { RelayClient } from '../../src/relay/client.js';
import { RelayServer } from '../../src/relay/server/relay-server.js';
import { keyOfToken } from '../../src/relay/token.js';
import type { Relay } from '../../src/strategies/relay/relay-source.js';
import { OwnRelay } from '../../src/strategies/relay/volunteer/own-relay.js';
import { type DelayingFront, delayingFront, type FrontDelays } from '../lab/relay/delaying-front.js';
import { attempt, type Side } from './relay-attempt.js';

const net = createSystemNet();
const log = { debug() {}, info() {}, warn() {}, error() {} };
const limits = {
  ...{ maxCircuits: 8, maxCircuitsPerPeer: 8, rate: 1e9, ratePerPeer: 1e9, bytesPerDay: 1e12, bytesPerDayPerPeer: 1e12 },
  ...{ timePerDay: 1e9, timePerDayPerPeer: 1e9, lifetimeMs: 60_000, maxDurationMs: 60_000 },
};
/** Both ends are on one host, and told apart by their addresses. */
const ends = { controlling: '127.0.0.11', controlled: '127.0.0.12' } as const;

let servers: RelayServer[];
let fronts: DelayingFront[];
let clients: RelayClient[];
let attempts: ReturnType<typeof attempt>[];
beforeEach(() => {
  [servers, fronts, clients, attempts] = [[], [], [], []];
});
afterEach(async () => {
  for (const path of attempts.flatMap(({ paths }) => paths)) path.destroy();
  for (const client of clients) client.close();
  await Promise.all([...fronts, ...servers].map((one) => one.close()));
});

/** The system's network as one end has it. */
function netOf(end: keyof typeof ends): Net {
  return { ...net, connectTcp: (options) => net.connectTcp({ ...options, local: { address: ends[end] } }) };
}

/** A relay that is so far from either end. */
async function relayAt(delays: Readonly<Record<keyof typeof ends, FrontDelays>>) {
  const listen = [{ address: '127.0.0.1', port: 0 }];
  const server = await RelayServer.open({ net, clock, random, log, listen, limits, mayBeRelay: () => true });
  servers.push(server);
  const front = await delayingFront(server.local[0] ?? { address: '', port: 0 }, (client) => {
    if (client === ends.controlling) return delays.controlling;
    // Other relays are near.
    return client === ends.controlled ? delays.controlled : { toMs: 0, fromMs: 0 };
  });
  fronts.push(front);
  return { server, front, endpoint: { address: '127.0.0.1', port: front.port }, full: false };
}

/** What an end has that these relays serve. */
function endWith(end: keyof typeof ends, relays: readonly Awaited<ReturnType<typeof relayAt>>[]) {
  const client = new RelayClient({ net: netOf(end), clock, random });
  clients.push(client);
  const found = relays.map(
    ({ server, endpoint, full }) =>
      new OwnRelay(
        `127.0.0.1:${endpoint.port}`,
        endpoint,
        async () => {
          if (full) throw new StrategyError('RELAY_FULL', 'There is no room.');
          return keyOfToken(server.issueTicket(end));
        },
        client,
      ),
  );
  // Loopback is no place for a relay, unless an operator has named one there.
  const named: Relay = {
    name: 'named.test:1',
    address: { address: '127.0.0.1', port: 1024, transport: 'tcp' },
    open: () => Promise.reject(new StrategyError('TURN_FULL', 'There is nothing here.')),
  };
  return { net: netOf(end), relays: [named], volunteers: { source: { relays: async () => ({ found, failures: [] }) }, client } };
}

async function meet(controlling: Side, controlled: Side) {
  const made = attempt({ controlling, controlled });
  attempts.push(made);
  return Promise.all([made.run.controlling, made.run.controlled]);
}

/** Resolves when so many bytes have come. */
function heard(stream: Duplex, length: number): Promise<void> {
  let total = 0;
  return new Promise((resolve) =>
    stream.on('data', (chunk: Buffer) => {
      total += chunk.length;
      if (total === length) resolve();
    }),
  );
}

const [fast, slow] = [{ toMs: 1, fromMs: 1 }, 150];
/** One is fast from the controlling end to the other, the other one back. */
async function opposite() {
  return Promise.all([
    relayAt({ controlling: { toMs: 1, fromMs: slow }, controlled: { toMs: slow, fromMs: 1 } }),
    relayAt({ controlling: { toMs: slow, fromMs: 1 }, controlled: { toMs: 1, fromMs: slow } }),
  ]);
}

describe('a path that goes out over one relay and comes back over another', () => {
  it('is chosen where each is the faster in one direction, whichever end they belong to', async () => {
    const [outward, homeward] = await opposite();
    const [near, far] = await meet(endWith('controlling', [homeward]), endWith('controlled', [outward]));
    const [out, back] = [outward, homeward].map(({ endpoint }) => `127.0.0.1:${endpoint.port}`);
    expect(near.info.relay).toBe(`${out} out, ${back} back`);
    expect(far.info.relay).toBe(`${back} out, ${out} back`);
    near.write(Buffer.alloc(500_000));
    far.write(Buffer.alloc(100_000));
    await Promise.all([heard(far, 500_000), heard(near, 100_000)]);
    const [there, home] = [outward, homeward].map(({ server }) => server.status.bytes);
    expect(there).toBeGreaterThan(500_000);
    expect(home).toBeLessThan(200_000);
  });

  it('is taken where the configuration of each end names another', async () => {
    const here = { toMs: 1, fromMs: 1 };
    const relays = await Promise.all([1, 2].map(() => relayAt({ controlling: here, controlled: here })));
    const [one, other] = relays.map(({ endpoint }) => `127.0.0.1:${endpoint.port}`) as [string, string];
    const [near, far] = await meet(
      { ...endWith('controlling', relays), over: [one] },
      { ...endWith('controlled', []), over: [other] },
    );
    expect(near.info.relay).toBe(`${one} out, ${other} back`);
    expect(far.info.relay).toBe(`${other} out, ${one} back`);
  });

  it('goes over two in a row where the configuration of one end says so', async () => {
    const here = { toMs: 1, fromMs: 1 };
    const relays = await Promise.all([1, 2].map(() => relayAt({ controlling: here, controlled: here })));
    const [one, other] = relays.map(({ endpoint }) => `127.0.0.1:${endpoint.port}`);
    const row = `${one} then ${other}`;
    const [near, far] = await meet({ ...endWith('controlling', relays), over: [row] }, endWith('controlled', []));
    expect([near.info.relay, far.info.relay]).toEqual([row, `${other} then ${one}`]);
  });

  it('carries much both ways, and each end sees the other’s end', { timeout: 20_000 }, async () => {
    const relays = await opposite();
    const [near, far] = await meet(endWith('controlling', relays), endWith('controlled', []));
    const body = Buffer.alloc(3_000_000, 7);
    near.end(body);
    far.end(body);
    await Promise.all([heard(near, body.length), heard(far, body.length), once(near, 'close'), once(far, 'close')]);
  });

  it('gives both places back with the path', async () => {
    const relays = await opposite();
    const [near] = await meet(endWith('controlling', relays), endWith('controlled', []));
    expect(relays.map(({ server }) => server.status.circuits)).toEqual([1, 1]);
    near.destroy();
    await expect.poll(() => relays.map(({ server }) => server.status.circuits)).toEqual([0, 0]);
  });

  it.each([0, 1])('ends at both ends when relay %i dies', async (which) => {
    const relays = await opposite();
    const both = await meet(endWith('controlling', relays), endWith('controlled', []));
    const closed = Promise.all(both.map((path) => new Promise<void>((resolve) => path.once('close', resolve))));
    await relays[which]?.server.close();
    await closed;
  });

  it('is given up for a single relay when one of the two refuses', async () => {
    const [outward, homeward] = await opposite();
    const third = await relayAt({ controlling: { toMs: 100, fromMs: 100 }, controlled: fast });
    const end = endWith('controlling', [outward, { ...homeward, full: true }, third]);
    const [near] = await meet(end, endWith('controlled', []));
    expect(near.info.relay).toBe(`127.0.0.1:${third.endpoint.port}`);
  });
});

describe('a path over two relays in a row', () => {
  /** The first is near to the controlling end, the second to the other, and they are near to each other. */
  const near = async () => {
    const [close, far] = [fast, { toMs: slow, fromMs: slow }];
    return Promise.all([relayAt({ controlling: close, controlled: far }), relayAt({ controlling: far, controlled: close })]);
  };
  /** The path that both move to once one carries them. */
  async function move(controlling: ReturnType<typeof endWith>, controlled: ReturnType<typeof endWith>) {
    const made = attempt({ controlling, controlled });
    attempts.push(made);
    await Promise.all([made.run.controlling, made.run.controlled]);
    const { run } = made.again();
    return Promise.all([run.controlling, run.controlled]);
  }

  it.each([
    ['the controlling end asks both', [0, 1], []],
    ['the controlled end asks both', [], [0, 1]],
    ['each asks the one near to it', [0], [1]],
  ] as const)('is moved to where it is clearly shorter, when %s', async (_, controlling, controlled) => {
    const relays = await near();
    const which = (numbers: readonly number[]) => relays.filter((__, number) => numbers.includes(number));
    const both = await move(endWith('controlling', which(controlling)), endWith('controlled', which(controlled)));
    const [first, second] = relays.map(({ endpoint }) => `127.0.0.1:${endpoint.port}`);
    expect(both.map(({ info }) => info.relay)).toEqual([`${first} then ${second}`, `${second} then ${first}`]);
    const body = Buffer.alloc(300_000, 7);
    const before = relays.map(({ server }) => server.status.bytes);
    for (const path of both) path.write(body);
    await Promise.all(both.map((path) => heard(path, body.length)));
    for (const [number, { server }] of relays.entries()) {
      expect(server.status.bytes - (before[number] ?? 0)).toBeGreaterThan(600_000);
    }
  });

  it.each([0, 1])('ends at both ends when relay %i dies', async (which) => {
    const relays = await near();
    const both = await move(endWith('controlling', [...relays]), endWith('controlled', []));
    const closed = Promise.all(both.map((path) => new Promise<void>((resolve) => path.once('close', resolve))));
    await relays[which]?.server.close();
    await closed;
  });

  it('is not looked for where no relay may ask others', async () => {
    const relays = await near();
    const outcome = move(endWith('controlling', []), endWith('controlled', [...relays].slice(0, 1)));
    await expect(outcome).rejects.toMatchObject({ code: 'RELAY_ROUTE_KEPT' });
  });
});

describe('when the relay of a path is gone', () => {
  it('the next path is made of what was measured before, without asking any relay again', async () => {
    const relays = await Promise.all([
      relayAt({ controlling: fast, controlled: fast }),
      relayAt({ controlling: { toMs: 20, fromMs: 20 }, controlled: fast }),
    ]);
    const [first, second] = relays;
    const made = attempt({ controlling: endWith('controlling', relays), controlled: endWith('controlled', []) });
    attempts.push(made);
    const both = await Promise.all([made.run.controlling, made.run.controlled]);
    expect(both[0].info.relay).toBe(`127.0.0.1:${first.endpoint.port}`);
    const closed = Promise.all(both.map((path) => new Promise<void>((resolve) => path.once('close', resolve))));
    const asked = second.server.status.answered;
    await Promise.all([first.server.close(), first.front.close()]);
    await closed;
    const { run } = made.again();
    const [next] = await Promise.all([run.controlling, run.controlled]);
    expect(next.info.relay).toBe(`127.0.0.1:${second.endpoint.port}`);
    expect(second.server.status.answered).toBe(asked);
  });
});
