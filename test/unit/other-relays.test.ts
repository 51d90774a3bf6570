import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock as clock } from '../../src/core/clock.js';
import type { Endpoint, Net } from '../../src/core/net.js';
import { systemRandom as random } from '../../src/core/random.js';
import { createSystemNet } from '../../src/native/system-net.js';
import { RelayClient } from '../../src/relay/client.js';
import { OtherRelays } from '../../src/relay/server/other-relays.js';
import { RelayServer } from '../../src/relay/server/relay-server.js';
import { keyOfToken, makeToken } from '../../src/relay/token.js';
import { FakeClock } from './fake-clock.js';

const net = createSystemNet();
const log = { debug() {}, info() {}, warn() {}, error() {} };
const signal = new AbortController().signal;
const limits = {
  ...{ maxCircuits: 8, maxCircuitsPerPeer: 8, rate: 1e9, ratePerPeer: 1e9, bytesPerDay: 1e12, bytesPerDayPerPeer: 1e12 },
  ...{ timePerDay: 1e9, timePerDayPerPeer: 1e9, lifetimeMs: 60_000, maxDurationMs: 60_000 },
};

let closing: (() => unknown)[];
beforeEach(() => {
  closing = [];
});
afterEach(async () => {
  await Promise.all(closing.map((close) => close()));
});

/** A relay on loopback, which is no public address. */
async function relay(mayBeRelay?: () => boolean) {
  const listen = [{ address: '127.0.0.1', port: 0 }];
  const server = await RelayServer.open({ net, clock, random, log, listen, limits, ...(mayBeRelay ? { mayBeRelay } : {}) });
  closing.push(() => server.close());
  const [endpoint = { address: '', port: 0 }] = server.local;
  return { server, endpoint, admission: async () => keyOfToken(server.issueTicket('north')) };
}

function newClient(): RelayClient {
  const client = new RelayClient({ net, clock, random });
  closing.push(() => client.close());
  return client;
}

/** Something else that listens, and what it is sent. */
async function stranger() {
  const received: Buffer[] = [];
  const server = createServer((socket) => socket.on('data', (chunk: Buffer) => received.push(chunk)).on('error', () => {}));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  const { port } = server.address() as { port: number };
  return { endpoint: { address: '127.0.0.1', port }, received };
}

/** Looks at others over a network where nothing answers, and says how often it was asked. */
function lonely() {
  const fake = new FakeClock();
  let connects = 0;
  const connectTcp: Net['connectTcp'] = () => {
    connects += 1;
    return Promise.reject(new Error('nothing is there'));
  };
  const others = new OtherRelays({ net: { connectTcp, tune: net.tune }, clock: fake, random, mayBeRelay: () => true });
  closing.push(() => others.close());
  return { others, fake, connects: () => connects };
}
const numbered = (number: number): Endpoint => ({ address: '20.0.0.1', port: 2000 + number });

describe('a relay that is asked about others', () => {
  it('says how far they are, there and back', async () => {
    const [asked, other] = await Promise.all([relay(() => true), relay()]);
    const [delays] = await newClient().delays(asked.endpoint, asked.admission, [other.endpoint], signal);
    const rttMs = (delays?.outMs ?? Number.NaN) + (delays?.inMs ?? Number.NaN);
    expect(rttMs).toBeGreaterThanOrEqual(-0.01);
    expect(other.server.status.answered).toBe(18);
  });

  it('connects to public addresses alone', async () => {
    const [asked, other] = await Promise.all([relay(), relay()]);
    expect(await newClient().delays(asked.endpoint, asked.admission, [other.endpoint], signal)).toEqual([undefined]);
    const toward = { ...other.endpoint, token: makeToken(random) };
    const refused = newClient().reserve(asked.endpoint, asked.admission, () => {}, signal, toward);
    await expect(refused).rejects.toMatchObject({ code: 'RELAY_NOT_ALLOWED' });
  });

  it('answers nobody who has but the token of a place', async () => {
    const [asked, other] = await Promise.all([relay(() => true), relay()]);
    const place = await newClient().reserve(asked.endpoint, asked.admission, () => {}, signal);
    const guest = newClient().delays(asked.endpoint, async () => keyOfToken(place.token), [other.endpoint], signal);
    await expect(guest).rejects.toMatchObject({ code: 'RELAY_NOT_ALLOWED' });
    expect(other.server.status.answered).toBe(0);
  });

  it('leads no place to what does not answer as a relay, and sends it nothing but Binding requests', async () => {
    const [asked, other] = await Promise.all([relay(() => true), stranger()]);
    const toward = { ...other.endpoint, token: makeToken(random) };
    const refused = newClient().reserve(asked.endpoint, asked.admission, () => {}, signal, toward);
    await expect(refused).rejects.toMatchObject({ code: 'RELAY_UNREACHABLE' });
    expect(asked.server.status.circuits).toBe(0);
    const sent = Buffer.concat(other.received);
    // 18 of 20 bytes and the attribute of 12 that asks for the time.
    expect(sent.length).toBeLessThanOrEqual(18 * 32);
    for (let at = 0; at < sent.length; at += 32) expect(sent.readUInt16BE(at)).toBe(1);
  });

  it('asks each once in half a minute, whoever wants to know', async () => {
    const { others, fake, connects } = lonely();
    for (const owner of ['north', 'south', 'east']) {
      await expect(others.delaysTo(numbered(1), owner)).rejects.toMatchObject({ code: 'RELAY_UNREACHABLE' });
    }
    expect(connects()).toBe(1);
    await fake.advance(30_000);
    await expect(others.delaysTo(numbered(1), 'north')).rejects.toMatchObject({ code: 'RELAY_UNREACHABLE' });
    expect(connects()).toBe(2);
  });

  it('looks at fourteen new addresses for one peer at once, and at those of another still', async () => {
    const { others, connects } = lonely();
    const codes: unknown[] = [];
    for (let number = 0; number < 20; number++) {
      codes.push(await others.delaysTo(numbered(number), 'north').catch(({ code }: { code: unknown }) => code));
    }
    expect(codes.filter((code) => code === 'RELAY_QUOTA_REACHED')).toHaveLength(6);
    expect(connects()).toBe(14);
    await expect(others.delaysTo(numbered(100), 'south')).rejects.toMatchObject({ code: 'RELAY_UNREACHABLE' });
  });
});
