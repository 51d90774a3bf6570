import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock as clock } from '../../src/core/clock.js';
import type { DatagramSocket, Endpoint } from '../../src/core/net.js';
import { systemRandom as random } from '../../src/core/random.js';
import type { ReliableUdp } from '../../src/core/reliable-udp.js';
import { createSystemNet } from '../../src/native/system-net.js';
import { createUdx } from '../../src/native/udx/create-udx.js';
import { RelayClient } from '../../src/relay/client.js';
import { decodeCookie, encodeHello, encodeOpen, nonceLength } from '../../src/relay/datagrams/messages.js';
import { inviteFor, keyOfInvite, nameInIdentity } from '../../src/relay/invite.js';
import { RelayServer } from '../../src/relay/server/relay-server.js';
import { surveyRelay } from '../../src/strategies/relay/survey.js';
import { FakeReliableUdp } from './fake-reliable-udp.js';
import { readText } from './read-all.js';

const net = createSystemNet();
const { udp } = createUdx({ clock, random });
const log = { debug() {}, info() {}, warn() {}, error() {} };
const { signal } = new AbortController();
const secret = random.bytes(32);
const key = keyOfInvite(inviteFor('alice', secret));
/** A line that lets no TCP through. */
const udpOnly: typeof net = {
  ...net,
  connectTcp: async () => {
    throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  },
};

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

let server: RelayServer;
let relay: Endpoint;
async function serve(reliableUdp: ReliableUdp | undefined = udp): Promise<void> {
  server = await RelayServer.open({
    ...{ net, reliableUdp, clock, random, log },
    listen: [{ address: '127.0.0.1', port: 0 }],
    datagrams: true,
    limits: {
      ...{ maxCircuits: 8, maxCircuitsPerPeer: 4, rate: 1e9, ratePerPeer: 1e9, bytesPerDay: 1e12, bytesPerDayPerPeer: 1e12 },
      ...{ timePerDay: 1e9, timePerDayPerPeer: 1e9, lifetimeMs: 60_000, maxDurationMs: 60_000 },
    },
    invited: (identity) => {
      const name = nameInIdentity(identity);
      return name === undefined ? undefined : { owner: name, key: keyOfInvite(inviteFor(name, secret)).key };
    },
  });
  ends.push(() => server.close());
  relay = server.local[0] ?? relay;
}

function newClient(platform = udpOnly): RelayClient {
  const client = new RelayClient({ net: platform, clock, random, ...(udp ? { reliableUdp: udp } : {}) });
  ends.push(() => client.close());
  return client;
}

describe('a relay over UDP', () => {
  beforeEach(() => serve());

  test('is found and carries a circuit where no TCP gets through', async () => {
    expect(await surveyRelay({ net: udpOnly, clock, random }, { ...relay, transport: 'tcp' }, signal)).toMatchObject({
      rttMs: expect.any(Number),
      seen: ['127.0.0.1'],
    });
    const arrived = new Promise<string>((resolve) => {
      void newClient()
        .reserve(
          relay,
          async () => key,
          (stream) => void readText(stream).then(resolve),
          signal,
        )
        .then(async ({ token }) => (await newClient().connect(relay, token, signal)).end('over datagrams'));
    });
    expect(await arrived).toBe('over datagrams');
    expect(server.users).toMatchObject([{ name: 'alice', circuits: 1, bytes: 14 }]);
  });

  test('leads to a place that was reserved over TCP', async () => {
    const [stream, place] = await new Promise<[string, string]>((resolve) => {
      void newClient({ ...udpOnly, connectTcp: net.connectTcp })
        .reserve(
          relay,
          async () => key,
          (incoming) => void readText(incoming).then((text) => resolve([text, 'tcp'])),
          signal,
        )
        .then(async ({ token }) => (await newClient().connect(relay, token, signal)).end('across'));
    });
    expect([stream, place]).toEqual(['across', 'tcp']);
  });

  test('is left alone where TCP gets through', async () => {
    const idle = new FakeReliableUdp();
    const client = new RelayClient({ net, clock, random, reliableUdp: idle });
    ends.push(() => client.close());
    await client.reserve(
      relay,
      async () => key,
      () => {},
      signal,
    );
    expect(idle.sockets.size).toBe(0);
  });

  test('lets nobody in whose key it does not know', async () => {
    const unknown = { ...key, key: random.bytes(32) };
    await expect(
      newClient().reserve(
        relay,
        async () => unknown,
        () => {},
        signal,
      ),
    ).rejects.toMatchObject({ code: 'RELAY_UNREACHABLE' });
    expect(server.status).toMatchObject({ sessions: 0 });
  });
});

describe('what comes to the port of a relay before anybody has proved himself', () => {
  let opened: FakeReliableUdp;
  beforeEach(async () => {
    opened = new FakeReliableUdp();
    await serve(opened);
  });

  /** A socket that keeps what it hears. */
  async function stranger(): Promise<DatagramSocket & { next(): Promise<Buffer> }> {
    const heard: Buffer[] = [];
    let wake = () => {};
    const socket = await net.bindUdp({
      local: { address: '127.0.0.1', port: 0 },
      onMessage: (data) => {
        heard.push(data);
        wake();
      },
    });
    ends.push(() => socket.close());
    const next = async () => {
      while (heard.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return heard.shift() ?? Buffer.alloc(0);
    };
    return Object.assign(socket, { next });
  }

  async function cookieFor(socket: Awaited<ReturnType<typeof stranger>>, nonce: Uint8Array): Promise<Buffer> {
    socket.send(encodeHello(nonce), relay);
    return decodeCookie(await socket.next(), nonce) ?? Buffer.alloc(0);
  }

  /** Resolves when the relay has looked at all that this socket sent before. */
  async function looked(socket: Awaited<ReturnType<typeof stranger>>): Promise<void> {
    await cookieFor(socket, random.bytes(nonceLength));
  }

  test('is answered with less than it was', async () => {
    const socket = await stranger();
    const hello = encodeHello(random.bytes(nonceLength));
    socket.send(hello, relay);
    expect((await socket.next()).length).toBeLessThan(hello.length);
  });

  test('opens a stream for who shows a cookie and a key, once however often it comes', async () => {
    const socket = await stranger();
    const nonce = random.bytes(nonceLength);
    const open = encodeOpen(nonce, await cookieFor(socket, nonce), key);
    for (let times = 0; times < 3; times++) socket.send(open, relay);
    await opened.streams(1);
    await looked(socket);
    expect(opened.opened).toHaveLength(1);
  });

  test('opens nothing with the cookie of another address', async () => {
    const [one, other] = [await stranger(), await stranger()];
    const nonce = random.bytes(nonceLength);
    other.send(encodeOpen(nonce, await cookieFor(one, nonce), key), relay);
    await looked(other);
    expect(opened.opened).toHaveLength(0);
  });

  test('opens nothing without the key', async () => {
    const socket = await stranger();
    const nonce = random.bytes(nonceLength);
    const cookie = await cookieFor(socket, nonce);
    socket.send(encodeOpen(nonce, cookie, { ...key, key: random.bytes(32) }), relay);
    await looked(socket);
    expect(opened.opened).toHaveLength(0);
  });

  test('opens no more than a few for one source that does not end its handshake', async () => {
    const socket = await stranger();
    for (let times = 0; times < 12; times++) {
      const nonce = random.bytes(nonceLength);
      socket.send(encodeOpen(nonce, await cookieFor(socket, nonce), key), relay);
    }
    await looked(socket);
    expect(opened.opened).toHaveLength(8);
  });
});
