import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { StrategyError } from '../../src/core/errors.js';
import type { Endpoint } from '../../src/core/net.js';
import { systemRandom } from '../../src/core/random.js';
import { createSystemNet } from '../../src/native/system-net.js';
import { RelayClient } from '../../src/relay/client.js';
import { RelayServer } from '../../src/relay/server/relay-server.js';
import { keyOfToken } from '../../src/relay/token.js';
import { YamuxStream } from '../../src/relay/yamux/stream.js';
import type { Relay } from '../../src/strategies/relay/relay-source.js';
import { VolunteerRelays } from '../../src/strategies/relay/volunteer/volunteer-relays.js';
import { attempt } from './relay-attempt.js';

const net = createSystemNet();
const clock = systemClock;
const log = { debug() {}, info() {}, warn() {}, error() {} };
const limits = {
  ...{ maxCircuits: 2, maxCircuitsPerPeer: 1, rate: 1e9, ratePerPeer: 1e9, bytesPerDay: 1e12, bytesPerDayPerPeer: 1e12 },
  ...{ timePerDay: 1e9, timePerDayPerPeer: 1e9 },
  ...{ lifetimeMs: 60_000, maxDurationMs: 60_000 },
};
/** Loopback is no place for a relay, unless an operator has named one there. */
const loopbackIsNamed: Relay = {
  name: 'named.test:1',
  address: { address: '127.0.0.1', port: 1024, transport: 'tcp' },
  open: () => Promise.reject(new StrategyError('TURN_FULL', 'There is nothing here.')),
};

let servers: RelayServer[];
let clients: RelayClient[];
let attempts: ReturnType<typeof attempt>[];
beforeEach(() => {
  servers = [];
  clients = [];
  attempts = [];
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const path of attempts.flatMap(({ paths }) => paths)) path.destroy();
  for (const client of clients) client.close();
  await Promise.all(servers.map((server) => server.close()));
});

async function volunteer(): Promise<{ server: RelayServer; endpoint: Endpoint }> {
  const listen = [{ address: '127.0.0.1', port: 0 }];
  const server = await RelayServer.open({ net, clock, random: systemRandom, log, listen, limits });
  servers.push(server);
  return { server, endpoint: server.local[0] ?? { address: '', port: 0 } };
}

function newClient(): RelayClient {
  const client = new RelayClient({ net, clock, random: systemRandom });
  clients.push(client);
  return client;
}

/** An end that is linked with these volunteers. */
function linkedWith(...volunteers: Awaited<ReturnType<typeof volunteer>>[]) {
  const client = newClient();
  const known = volunteers.map(({ endpoint }, index) => ({ peer: { key: `key ${index}`, address: '' }, endpoint }));
  const ticket = async ({ key }: { key: string }) => volunteers[Number(key.slice(4))]?.server.issueTicket('north') ?? '';
  return { volunteers: { source: new VolunteerRelays({ known: () => known, ticket }, client), client } };
}

/** An end that is linked with none. */
function unlinked() {
  return {
    relays: [loopbackIsNamed],
    volunteers: { source: { relays: async () => ({ found: [], failures: [] }) }, client: newClient() },
  };
}

function run(
  ...[controlling, controlled]: [Parameters<typeof attempt>[0]['controlling'], Parameters<typeof attempt>[0]['controlled']]
) {
  const made = attempt({ controlling, controlled });
  attempts.push(made);
  return made.run;
}

describe('two ends of whom one is linked with a volunteer', () => {
  it('meet there', async () => {
    const there = await volunteer();
    const ends = run(linkedWith(there), unlinked());
    const [near, far] = await Promise.all([ends.controlling, ends.controlled]);
    expect(near.info).toMatchObject({ kind: 'relayed', relay: `127.0.0.1:${there.endpoint.port}` });
    expect(far.info.remote).toBe(`127.0.0.1:${there.endpoint.port}`);
    near.write('along the branch');
    expect(String((await once(far, 'data'))[0])).toBe('along the branch');
  });

  it('show it nothing but ciphertext', async () => {
    const push = vi.spyOn(YamuxStream.prototype, 'push');
    const said = 'nobody shall read this '.repeat(200);
    const ends = run(linkedWith(await volunteer()), unlinked());
    const [near, far] = await Promise.all([ends.controlling, ends.controlled]);
    near.write(said);
    let heard = '';
    for (; heard.length < said.length; ) heard += String((await once(far, 'data'))[0]);
    expect(heard).toBe(said);
    const seen = Buffer.concat(push.mock.calls.flatMap(([part]) => (part ? [part as Buffer] : [])));
    // What passed through the relay's streams, and the ends': all of it, and none of it legible.
    expect(seen.length).toBeGreaterThan(2 * said.length);
    expect(seen.includes('nobody shall')).toBe(false);
  });

  it('give the place back with the path', async () => {
    const { server, endpoint } = await volunteer();
    const ends = run(linkedWith({ server, endpoint }), unlinked());
    const [near, far] = await Promise.all([ends.controlling, ends.controlled]);
    expect(server.status.circuits).toBe(1);
    near.destroy();
    far.destroy();
    await expect.poll(() => server.status.circuits).toBe(0);
  });

  it('take the next when it refuses, and its circuits go on', async () => {
    const [full, roomy] = [await volunteer(), await volunteer()];
    const client = newClient();
    await client.reserve(
      full.endpoint,
      async () => keyOfToken(full.server.issueTicket('north')),
      () => {},
      new AbortController().signal,
    );
    const ends = run(linkedWith(full, roomy), unlinked());
    await Promise.all([ends.controlling, ends.controlled]);
    expect([full.server.status.circuits, roomy.server.status.circuits]).toEqual([1, 1]);
  });

  it('say why the only one refused', async () => {
    const full = await volunteer();
    const client = newClient();
    await client.reserve(
      full.endpoint,
      async () => keyOfToken(full.server.issueTicket('north')),
      () => {},
      new AbortController().signal,
    );
    const ends = run(linkedWith(full), unlinked());
    await expect(ends.controlling).rejects.toMatchObject({ code: 'RELAY_QUOTA_REACHED' });
    await expect(ends.controlled).rejects.toMatchObject({ message: expect.stringContaining('RELAY_QUOTA_REACHED') });
  });

  it('lose the path when it dies', async () => {
    const { server, endpoint } = await volunteer();
    const ends = run(linkedWith({ server, endpoint }), unlinked());
    const both = await Promise.all([ends.controlling, ends.controlled]);
    const closed = Promise.all(both.map((path) => new Promise<void>((resolve) => path.once('close', resolve))));
    await server.close();
    await closed;
  });
});

describe('volunteers', () => {
  it('do not relay to themselves', async () => {
    const known = ['them', 'other'].map((key) => ({ peer: { key, address: '' }, endpoint: { address: '20.0.1.2', port: 4703 } }));
    const source = new VolunteerRelays({ known: () => known, ticket: async () => '' }, newClient());
    const { found } = await source.relays({ key: 'them' });
    expect(found).toHaveLength(1);
  });

  it('count with two addresses each', async () => {
    const endpoints = [1, 2, 3, 4].map((host) => ({ address: `20.0.1.${host}`, port: 4703 }));
    const known = endpoints.map((endpoint) => ({ peer: { key: 'many', address: '' }, endpoint }));
    const source = new VolunteerRelays({ known: () => known, ticket: async () => '' }, newClient());
    const { found } = await source.relays({ key: 'them' });
    expect(found.map(({ name }) => name)).toEqual(['20.0.1.1:4703', '20.0.1.2:4703']);
  });
});
