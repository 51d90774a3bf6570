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
import { attempt } from './relay-attempt.js';

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
  const server = await RelayServer.open({ net, clock, random, log, listen: [{ address: '127.0.0.1', port: 0 }], limits });
  servers.push(server);
  const front = await delayingFront(server.local[0] ?? { address: '', port: 0 }, (client) =>
    client === ends.controlling ? delays.controlling : delays.controlled,
  );
  fronts.push(front);
  return { server, front, endpoint: { address: '127.0.0.1', port: front.port }, full: false };
}

/** What an end has that these relays serve. */
function endWith(end: keyof typeof ends, relays: readonly Awaited<ReturnType<typeof relayAt>>[]) {
  const client = new RelayClient({ net: netOf(end), clock });
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

async function meet(controlling: ReturnType<typeof endWith>, controlled: ReturnType<typeof endWith>) {
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

  it('carries much both ways, and each end sees the other’s end', async () => {
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
