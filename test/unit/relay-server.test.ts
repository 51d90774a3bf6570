import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import type { ByteStream, Endpoint } from '../../src/core/net.js';
import { systemRandom } from '../../src/core/random.js';
import { sealAsClient } from '../../src/core/sealing.js';
import { createSystemNet } from '../../src/native/system-net.js';
import { RelayClient } from '../../src/relay/client.js';
import { encodeMessage } from '../../src/relay/messages.js';
import { type RelayLimits, RelayServer } from '../../src/relay/server/relay-server.js';
import { keyOfToken, makeToken } from '../../src/relay/token.js';
import { YamuxSession } from '../../src/relay/yamux/session.js';
import { surveyRelay } from '../../src/strategies/relay/survey.js';
import { processWarnings } from './process-warnings.js';
import { readText } from './read-all.js';

const net = createSystemNet();
const clock = systemClock;
const log = { debug() {}, info() {}, warn() {}, error() {} };
const signal = new AbortController().signal;
const generous: RelayLimits = {
  maxCircuits: 8,
  maxCircuitsPerPeer: 4,
  rate: 1e9,
  ratePerPeer: 1e9,
  bytesPerDay: 1e12,
  bytesPerDayPerPeer: 1e12,
  timePerDay: 1e9,
  timePerDayPerPeer: 1e9,
  lifetimeMs: 60_000,
  maxDurationMs: 60_000,
};

let server: RelayServer;
let relay: Endpoint;
let clients: RelayClient[];
beforeEach(() => {
  clients = [];
});
afterEach(async () => {
  for (const client of clients) client.close();
  await server.close();
});

async function start(limits: Partial<RelayLimits> = {}): Promise<void> {
  const listen = [{ address: '127.0.0.1', port: 0 }];
  server = await RelayServer.open({ net, clock, random: systemRandom, log, listen, limits: { ...generous, ...limits } });
  relay = server.local[0] ?? relay;
}

function newClient(): RelayClient {
  const client = new RelayClient({ net, clock, random: systemRandom });
  clients.push(client);
  return client;
}

/** A place of this owner, and what comes in there. */
async function reserve(owner = 'north', client = newClient()) {
  const incoming: ByteStream[] = [];
  const waiting: ((stream: ByteStream) => void)[] = [];
  const onStream = (stream: ByteStream) => {
    const next = waiting.shift();
    if (next) next(stream);
    else incoming.push(stream);
  };
  const place = await client.reserve(relay, async () => keyOfToken(server.issueTicket(owner)), onStream, signal);
  const next = async () => incoming.shift() ?? new Promise<ByteStream>((resolve) => waiting.push(resolve));
  return { client, place, next };
}

/** A circuit, both of its ends. */
async function circuit(
  owner?: string,
  client?: RelayClient,
): Promise<{ near: Duplex; far: Duplex; place: { lost: AbortSignal } }> {
  const { place, next } = await reserve(owner, client);
  const near = await newClient().connect(relay, place.token, signal);
  return { near, far: await next(), place };
}

const ended = (stream: Duplex) =>
  new Promise<void>((resolve) => (stream.closed ? resolve() : stream.once('close', () => resolve())));
const lossOf = (place: { lost: AbortSignal }) =>
  new Promise<unknown>((resolve) => place.lost.addEventListener('abort', () => resolve(place.lost.reason)));

describe('a circuit', () => {
  it('joins the end that reserved with one that knows host, port and token alone, half-close included', async () => {
    await start();
    const { near, far } = await circuit();
    near.end('up the trunk');
    expect(await readText(far)).toBe('up the trunk');
    far.end('down the trunk');
    expect(await readText(near)).toBe('down the trunk');
  });

  it('carries megabytes both ways at once', async () => {
    await start();
    const { near, far } = await circuit();
    const body = 'x'.repeat(3_000_000);
    near.end(body);
    far.end(body);
    const [there, back] = await Promise.all([readText(far), readText(near)]);
    expect([there === body, back === body]).toEqual([true, true]);
  });

  it('breaks at one end when it breaks at the other', async () => {
    await start();
    const { near, far } = await circuit();
    near.destroy();
    await ended(far);
  });

  it('leaves its place for the next when it has ended', async () => {
    await start();
    const { place, next } = await reserve();
    const guest = newClient();
    const first = await guest.connect(relay, place.token, signal);
    const far = await next();
    first.destroy();
    await ended(far);
    const second = await guest.connect(relay, place.token, signal);
    second.end('again');
    expect(await readText(await next())).toBe('again');
  });

  it('does not hold up another of the same connection when nobody reads it', async () => {
    await start();
    const client = newClient();
    const stuck = await circuit('north', client);
    const free = await circuit('north', client);
    stuck.near.write(Buffer.alloc(8_000_000));
    const body = 'y'.repeat(2_000_000);
    free.near.end(body);
    expect(await readText(free.far)).toBe(body);
  });

  it('holds less than 8 MB of what nobody reads, at the relay and both ends together', async () => {
    await start();
    const { near, far } = await circuit();
    far.pause();
    let taken = 0;
    const chunk = Buffer.alloc(64 * 1024);
    let stalled: () => void = () => {};
    const standstill = new Promise<void>((resolve) => {
      stalled = resolve;
    });
    let timer = clock.setTimer(300, () => stalled());
    const write = () => {
      near.write(chunk, (error) => {
        if (error) return;
        taken += chunk.length;
        timer.cancel();
        timer = clock.setTimer(300, () => stalled());
        write();
      });
    };
    write();
    await standstill;
    expect(taken).toBeGreaterThan(256 * 1024);
    expect(taken).toBeLessThan(8_000_000);
  });
});

describe('a relay at its caps', () => {
  it('refuses a circuit more with RELAY_FULL and serves those it has', async () => {
    await start({ maxCircuits: 1 });
    const { near, far } = await circuit('north');
    await expect(reserve('south')).rejects.toMatchObject({ code: 'RELAY_FULL' });
    near.end('still here');
    expect(await readText(far)).toBe('still here');
  });

  it('has a dozen places of one connection where it may, and Node sees no leak in that', async () => {
    const warnings = processWarnings();
    await start({ maxCircuits: 12, maxCircuitsPerPeer: 12 });
    const client = newClient();
    for (let place = 0; place < 12; place++) await reserve('north', client);
    expect(server.status).toMatchObject({ circuits: 12, sessions: 1 });
    expect(warnings).toEqual([]);
  });

  it('refuses one peer more than its share with RELAY_QUOTA_REACHED and serves others', async () => {
    await start({ maxCircuitsPerPeer: 1 });
    await reserve('north');
    await expect(reserve('north')).rejects.toMatchObject({ code: 'RELAY_QUOTA_REACHED' });
    await reserve('south');
  });

  it('has room again when a place is given back', async () => {
    await start({ maxCircuits: 1 });
    const { place } = await reserve('north');
    const lost = lossOf(place);
    await place.close();
    await lost;
    await expect.poll(() => server.status.circuits).toBe(0);
    await reserve('south');
  });

  it('ends a circuit whose peer has spent its bytes, and says so', async () => {
    await start({ bytesPerDayPerPeer: 100_000 });
    const { near, far, place } = await circuit();
    const loss = lossOf(place);
    far.resume();
    near.write(Buffer.alloc(300_000));
    expect(await loss).toMatchObject({ code: 'RELAY_BYTES_SPENT' });
    await Promise.all([ended(near), ended(far)]);
    expect(() => server.issueTicket('north')).toThrow(expect.objectContaining({ code: 'RELAY_BYTES_SPENT' }));
    expect(server.issueTicket('south')).toMatch(/^[0-9a-f]{64}$/);
  });

  it('ends a circuit that has lasted its time, and says so', async () => {
    await start({ maxDurationMs: 200 });
    const { near, place } = await circuit();
    expect(await lossOf(place)).toMatchObject({ code: 'RELAY_TIME_SPENT' });
    await ended(near);
  });

  it('ends the circuits of a peer that has spent its time of the day, and those of others go on', async () => {
    await start({ timePerDayPerPeer: 300 });
    const { near, place } = await circuit('north');
    expect(await lossOf(place)).toMatchObject({ code: 'RELAY_TIME_SPENT', message: expect.stringContaining('day') });
    await ended(near);
    expect(() => server.issueTicket('north')).toThrow(expect.objectContaining({ code: 'RELAY_TIME_SPENT' }));
    const other = await circuit('south');
    other.near.end('still here');
    expect(await readText(other.far)).toBe('still here');
  });

  it('keeps a reservation that is refreshed', async () => {
    await start({ lifetimeMs: 1000, maxDurationMs: 1800 });
    const { place } = await reserve();
    expect(await lossOf(place)).toMatchObject({ code: 'RELAY_TIME_SPENT' });
  });

  it('drops a reservation that is not refreshed, with RELAY_EXPIRED', async () => {
    await start({ lifetimeMs: 100 });
    // The least that a relay can announce is a second, so this client refreshes too late.
    const { place } = await reserve();
    expect(await lossOf(place)).toMatchObject({ code: 'RELAY_EXPIRED' });
  });
});

describe('a relay', () => {
  it('is not for those without a ticket or a place’s token', async () => {
    await start();
    const stranger = newClient();
    const forged = async () => keyOfToken(makeToken(systemRandom));
    await expect(stranger.reserve(relay, forged, () => {}, signal)).rejects.toMatchObject({ code: 'RELAY_UNREACHABLE' });
  });

  it('lets no one reserve with a place’s token', async () => {
    await start();
    const { place } = await reserve();
    const guest = newClient().reserve(
      relay,
      async () => keyOfToken(place.token),
      () => {},
      signal,
    );
    await expect(guest).rejects.toMatchObject({ code: 'RELAY_NOT_ALLOWED' });
  });

  it('has one ticket a peer: a new one ends the last', async () => {
    await start();
    const old = server.issueTicket('north');
    server.issueTicket('north');
    await expect(
      newClient().reserve(
        relay,
        async () => keyOfToken(old),
        () => {},
        signal,
      ),
    ).rejects.toMatchObject({ code: 'RELAY_UNREACHABLE' });
  });

  it('takes one circuit a place', async () => {
    await start();
    const { place } = await reserve();
    await newClient().connect(relay, place.token, signal);
    await expect(newClient().connect(relay, place.token, signal)).rejects.toMatchObject({ code: 'RELAY_PLACE_TAKEN' });
  });

  it('knows no place that was given back', async () => {
    await start();
    const client = newClient();
    await reserve('north', client);
    const { place } = await reserve('north', client);
    await place.close();
    await expect.poll(() => server.status.circuits).toBe(1);
    const member = client.connect(relay, place.token, signal);
    await expect(member).rejects.toMatchObject({ code: 'RELAY_PLACE_UNKNOWN' });
  });

  it('takes the paths along when it dies', async () => {
    await start();
    const { near, far, place } = await circuit();
    const loss = lossOf(place);
    await server.close();
    expect(await loss).toMatchObject({ code: 'RELAY_LOST' });
    await Promise.all([ended(near), ended(far)]);
  });

  it('answers STUN on its port, so that agents can measure how far it is', async () => {
    await start();
    const survey = await surveyRelay({ net, clock, random: systemRandom }, { ...relay, transport: 'tcp' }, signal);
    expect(survey.seen).toEqual(['127.0.0.1']);
  });

  it.each([
    ['junk instead of a handshake', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['a handshake that is none', Buffer.from([0x16, 3, 1, 0, 4, 9, 9, 9, 9])],
  ])('turns %s away', async (_, bytes) => {
    await start();
    const stream = await net.connectTcp({ remote: relay, timeoutMs: 1000 });
    stream.on('error', () => {});
    stream.write(bytes);
    stream.resume();
    await Promise.race([once(stream, 'end'), ended(stream)]);
    stream.destroy();
    await reserve();
  });

  it.each([
    ['an empty message', Buffer.from([0, 0])],
    ['an endless message', Buffer.from([255, 255])],
    ['a message that is no JSON', Buffer.from([0, 2, 0x7b, 0x7b])],
    ['a request that it does not know', Buffer.concat([Buffer.from([0, 15]), Buffer.from('{"type":"dance"}')])],
    ['a refresh of nothing', encodeMessage({ type: 'refresh' })],
  ])('resets a stream with %s, and serves the others', async (_, bytes) => {
    await start();
    const stream = await net.connectTcp({ remote: relay, timeoutMs: 1000 });
    const sealed = await sealAsClient(stream, keyOfToken(server.issueTicket('north')), { clock, signal });
    const session = new YamuxSession(sealed, { role: 'client', maxStreams: 8, onStream: () => {} });
    const bad = session.open();
    bad.write(bytes);
    await ended(bad);
    const good = session.open();
    good.write(encodeMessage({ type: 'reserve' }));
    const [answer] = (await once(good, 'data')) as [Buffer];
    expect(JSON.parse(String(answer.subarray(2)))).toMatchObject({ type: 'reserved' });
    session.destroy();
  });
});
