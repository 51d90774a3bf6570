import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import codec from '#stun-codec';
import { systemClock } from '../../src/core/clock.js';
import { systemRandom } from '../../src/core/random.js';
import { RateLimit } from '../../src/core/rate-limit.js';
import { decodeBindingResponse, encodeBindingRequest } from '../../src/discovery/stun/codec.js';
import { type ResponderOptions, StunResponder } from '../../src/discovery/stun/responder.js';
import { answerBinding } from '../../src/discovery/stun/responder-answer.js';
import { decodeBindingRequest, encodeBindingResponse } from '../../src/discovery/stun/responder-codec.js';
import { serveTcp } from '../../src/discovery/stun/responder-tcp.js';
import { StunTransactions } from '../../src/discovery/stun/stun-transactions.js';
import { bindOverTcp } from '../../src/discovery/stun/tcp-binding.js';
import { createSystemNet } from '../../src/native/system-net.js';
import { duplexPair } from './duplex-pair.js';
import { FakeClock, settle } from './fake-clock.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const systemNet = createSystemNet();
const id = Buffer.alloc(12, 7);
const remote = { address: '20.0.1.2', port: 40_000 };
const here = { address: '20.0.9.2', port: 3478 };
const there = { address: '20.0.9.3', port: 3479 };
const answer = (bytes: Uint8Array, transport: 'udp' | 'tcp' = 'udp', other?: typeof there) =>
  answerBinding(bytes, { remote, place: { local: here, ...(other && { other }) }, transport });
const told = (bytes: Uint8Array | undefined) => bytes && decodeBindingResponse(bytes, id);

describe('the messages of a server', () => {
  const endpoints = fc.record({
    address: fc.oneof(fc.ipV4(), fc.ipV6()),
    port: fc.integer({ min: 1, max: 65_535 }),
  });

  test('are read as they were written', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 12, maxLength: 12 }), endpoints, endpoints, (transactionId, mapped, origin) => {
        const read = decodeBindingResponse(
          encodeBindingResponse(transactionId, { mapped, origin, other: mapped }),
          transactionId,
        );
        const expected = (at: typeof mapped) => ({ port: at.port, address: expect.any(String) });
        expect(read).toEqual({ mapped: expected(mapped), origin: expected(origin), other: expected(mapped) });
        if (read && 'mapped' in read && net.isIPv4(mapped.address)) expect(read.mapped).toEqual(mapped);
      }),
    );
  });

  test('answer every question that a client can put', () => {
    const flags = fc.record({ address: fc.boolean(), port: fc.boolean() });
    fc.assert(
      fc.property(flags, fc.integer({ min: 1, max: 65_535 }), (change, responsePort) => {
        const read = decodeBindingRequest(encodeBindingRequest(id, { change, responsePort }));
        expect(read).toEqual({ transactionId: id, change, responsePort, unknown: [] });
      }),
    );
  });

  test('are not made of junk, nor of a damaged request, and nothing throws', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), (junk) => void expect(answer(junk)).toBeUndefined()));
    const request = Buffer.from(encodeBindingRequest(id, { change: { address: true, port: true }, responsePort: 5000 }));
    fc.assert(
      fc.property(fc.nat(request.length - 1), fc.integer({ min: 0, max: 255 }), (index, byte) => {
        const damaged = Buffer.from(request);
        damaged[index] = byte;
        expect(answer(damaged, 'udp', there)?.bytes.length ?? 0).toBeLessThanOrEqual(92);
      }),
    );
  });
});

describe('an answer', () => {
  test('tells where the request came from', () => {
    expect(told(answer(encodeBindingRequest(id))?.bytes)).toEqual({ mapped: remote });
    expect(answer(encodeBindingRequest(id))).toMatchObject({ from: here, to: remote });
  });

  test('leaves the scope of a link-local address out', () => {
    const local = { address: 'fe80::1%eth0', port: 5 };
    const { bytes } = answerBinding(encodeBindingRequest(id), { remote: local, place: { local: here }, transport: 'udp' }) ?? {};
    expect(told(bytes)).toEqual({ mapped: { address: 'fe80::1', port: 5 } });
  });

  test('says what else there is when there is a second place', () => {
    expect(told(answer(encodeBindingRequest(id), 'udp', there)?.bytes)).toEqual({ mapped: remote, origin: here, other: there });
  });

  test.each([
    [{ address: true, port: true }, there],
    [
      { address: true, port: false },
      { ...here, address: there.address },
    ],
    [
      { address: false, port: true },
      { ...here, port: there.port },
    ],
    [{ address: false, port: false }, here],
  ])('to the change request %j comes from %j', (change, from) => {
    const given = answer(encodeBindingRequest(id, { change }), 'udp', there);
    expect(given?.from).toEqual(from);
    expect(told(given?.bytes)).toMatchObject({ origin: from });
  });

  test('goes to the port that was asked for', () => {
    expect(answer(encodeBindingRequest(id, { responsePort: 5000 }), 'udp', there)).toMatchObject({
      to: { ...remote, port: 5000 },
    });
  });

  test.each([
    ['a change without a second place', encodeBindingRequest(id, { change: { address: false, port: true } }), 'udp', undefined],
    ['a change over TCP', encodeBindingRequest(id, { change: { address: false, port: true } }), 'tcp', there],
    ['another port without a second place', encodeBindingRequest(id, { responsePort: 5000 }), 'udp', undefined],
    ['a well-known port', encodeBindingRequest(id, { responsePort: 53 }), 'udp', there],
    ['an attribute that must be understood', withAttribute(0x0026), 'udp', there],
  ] as const)('to %s is a refusal, to the source', (_what, request, transport, other) => {
    const given = answer(request, transport, other);
    expect(told(given?.bytes)).toEqual({ refused: 'Unknown Attribute' });
    expect(given).toMatchObject({ from: here, to: remote });
  });

  test('does not mind attributes that may be unknown', () => {
    expect(told(answer(withAttribute(0x8022))?.bytes)).toEqual({ mapped: remote });
  });

  test.each([
    ['a response', encodeBindingResponse(id, { mapped: remote })],
    ['a request of RFC 3489', Buffer.from(encodeBindingRequest(id)).fill(0, 4, 8)],
    ['an Allocate request', codec.encode(codec.createMessage(0x0003, id))],
    ['a request with something after it', Buffer.concat([encodeBindingRequest(id), Buffer.alloc(4)])],
  ])('is not given to %s', (_what, bytes) => {
    expect(answer(bytes)).toBeUndefined();
  });

  /** A request with four bytes of an attribute. */
  function withAttribute(type: number): Buffer {
    const bytes = Buffer.concat([encodeBindingRequest(id), Buffer.alloc(8)]);
    bytes.writeUInt16BE(8, 2);
    bytes.writeUInt16BE(type, 20);
    bytes.writeUInt16BE(4, 22);
    return bytes;
  }
});

async function freePort(): Promise<number> {
  const probe = net.createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as net.AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

async function responder(options: Partial<ResponderOptions> = {}) {
  const listen = { address: '127.0.0.1', port: await freePort() };
  const opened = await StunResponder.open({ net: systemNet, clock: systemClock, listen, ...options });
  cleanups.push(() => opened.close());
  return opened;
}

async function connect(to: StunResponder): Promise<net.Socket> {
  const [place] = to.local;
  const socket = net.connect(place?.port ?? 0, place?.address);
  cleanups.push(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

async function client(address = '127.0.0.1') {
  const socket = await systemNet.bindUdp({
    local: { address, port: 0 },
    onMessage: (data, from) => transactions.receive(data, from),
  });
  const transactions: StunTransactions = new StunTransactions({
    clock: systemClock,
    random: systemRandom,
    send: (data, to) => socket.send(data, to),
    retransmission: { rtoMs: 20, requests: 4, lastWait: 4 },
  });
  cleanups.push(() => socket.close());
  return { local: socket.local, transactions };
}

describe('a responder', () => {
  test.each(['127.0.0.1', '::1'])('answers over UDP at %s', async (address) => {
    const { local } = await responder({ listen: { address, port: 0 } });
    const { transactions, local: own } = await client(address);
    expect(await transactions.bind(local[0] ?? here)).toEqual({ mapped: own });
  });

  test('answers over TCP, again and again', async () => {
    const stream = await connect(await responder());
    const bind = () => bindOverTcp(stream, { clock: systemClock, random: systemRandom, timeoutMs: 5_000 });
    const expected = { address: '127.0.0.1', port: stream.localPort };
    expect([await bind(), await bind()]).toEqual([expected, expected]);
  });

  test('with a second place answers from each of four, as asked', async () => {
    const [one, other] = [
      { address: '127.0.0.1', port: await freePort() },
      { address: '127.0.0.2', port: await freePort() },
    ];
    const { local } = await responder({ listen: one, alternate: other });
    expect(local).toHaveLength(4);
    const { transactions, local: own } = await client();
    for (const change of [
      { address: true, port: true },
      { address: true, port: false },
      { address: false, port: true },
    ]) {
      const from = { address: change.address ? other.address : one.address, port: change.port ? other.port : one.port };
      expect(await transactions.bind(one, { change, from })).toEqual({ mapped: own, origin: from, other });
    }
    expect(transactions.strays).toBe(0);
  });

  test('says nothing to junk, and goes on', async () => {
    const { local } = await responder();
    const [place = here] = local;
    const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1');
    cleanups.push(() => socket.close());
    await once(socket, 'listening');
    const heard: Buffer[] = [];
    socket.on('message', (data) => heard.push(data));
    for (const junk of ['', 'hello', Buffer.alloc(500, 255)]) socket.send(junk, place.port, place.address);
    socket.send(encodeBindingRequest(id), place.port, place.address);
    await once(socket, 'message');
    expect(heard.map((data) => told(data))).toEqual([{ mapped: { address: '127.0.0.1', port: socket.address().port } }]);
  });

  test('ends a connection that brings junk, without a word', async () => {
    const stream = await connect(await responder());
    stream.write('GET / HTTP/1.1\r\nHost: example.org\r\n\r\n');
    let heard = 0;
    stream.on('data', (data) => {
      heard += data.length;
    });
    await once(stream, 'close');
    expect(heard).toBe(0);
  });

  test('takes so many connections and no more', async () => {
    const opened = await responder({ limits: { connections: 2 } });
    const streams = [await connect(opened), await connect(opened)];
    await Promise.all(
      streams.map((stream) => bindOverTcp(stream, { clock: systemClock, random: systemRandom, timeoutMs: 5_000 })),
    );
    const third = await connect(opened);
    third.resume();
    await once(third, 'close');
    expect(streams.map((stream) => stream.destroyed)).toEqual([false, false]);
  });

  test('answers one source so often and no more', async () => {
    const { local } = await responder({ clock: new FakeClock(), limits: { burst: 2, perSecond: 1 } });
    const { transactions } = await client();
    const ask = () =>
      transactions.bind(local[0] ?? here).then(
        () => 'answered',
        () => 'silent',
      );
    expect([await ask(), await ask(), await ask()]).toEqual(['answered', 'answered', 'silent']);
  });

  test('gives its ports and connections back', async () => {
    const opened = await responder();
    const [place = here] = opened.local;
    const stream = await connect(opened);
    stream.resume();
    await opened.close();
    await once(stream, 'close');
    await responder({ listen: place });
  });

  test('says so when its port is taken, and holds nothing then', async () => {
    const { local } = await responder();
    const [taken = here] = local;
    await expect(responder({ listen: taken })).rejects.toMatchObject({
      code: 'STUN_PORT_TAKEN',
      message: expect.stringContaining(String(taken.port)),
    });
    const free = { address: '127.0.0.2', port: await freePort() };
    await expect(responder({ listen: free, alternate: taken })).rejects.toMatchObject({ code: 'STUN_PORT_TAKEN' });
    await responder({ listen: free });
  });

  test('says so when the address is not this machine’s', async () => {
    await expect(responder({ listen: { address: '192.0.2.1', port: 3478 } })).rejects.toMatchObject({
      code: 'STUN_LISTEN_FAILED',
    });
  });

  test.each([
    [
      { address: '0.0.0.0', port: 1 },
      { address: '127.0.0.2', port: 2 },
    ],
    [
      { address: '127.0.0.1', port: 1 },
      { address: '::1', port: 2 },
    ],
    [
      { address: '127.0.0.1', port: 1 },
      { address: '127.0.0.1', port: 2 },
    ],
    [
      { address: '127.0.0.1', port: 1 },
      { address: '127.0.0.2', port: 1 },
    ],
  ])('refuses %j with %j', async (listen, alternate) => {
    await expect(responder({ listen, alternate })).rejects.toMatchObject({ code: 'STUN_ALTERNATE_UNUSABLE' });
  });
});

describe('a connection to a responder', () => {
  test('is closed once it has been idle, and each request begins the time anew', async () => {
    const clock = new FakeClock();
    const [stream, far] = duplexPair();
    far.resume();
    serveTcp(stream, { clock, idleMs: 1_000, answer: () => Buffer.from('x') });
    await clock.advance(900);
    far.write(encodeBindingRequest(id));
    await settle();
    await clock.advance(900);
    expect(stream.destroyed).toBe(false);
    await clock.advance(100);
    expect(stream.destroyed).toBe(true);
    expect(clock.pending).toBe(0);
  });

  test('takes a request that comes byte by byte', async () => {
    const clock = new FakeClock();
    const [stream, far] = duplexPair();
    const heard: string[] = [];
    far.on('data', (data) => heard.push(String(data)));
    serveTcp(stream, { clock, idleMs: 1_000, answer: (message) => Buffer.from(`${message.length}`) });
    for (const byte of encodeBindingRequest(id)) far.write(Uint8Array.of(byte));
    await settle();
    expect(heard).toEqual(['20']);
    stream.destroy();
  });
});

describe('the rate limit', () => {
  const limit = (clock: FakeClock) => new RateLimit({ clock, perSecond: 2, burst: 3, sources: 2 });
  const times = (count: number, act: () => boolean) => Array.from({ length: count }, act).filter(Boolean).length;

  test('allows a burst, then so much a second', async () => {
    const clock = new FakeClock();
    const rate = limit(clock);
    expect(times(10, () => rate.take('20.0.0.1'))).toBe(3);
    await clock.advance(1_000);
    expect(times(10, () => rate.take('20.0.0.1'))).toBe(2);
    await clock.advance(60_000);
    expect(times(10, () => rate.take('20.0.0.1'))).toBe(3);
  });

  test('counts each IPv4 address and each IPv6 /64 for itself', () => {
    const rate = limit(new FakeClock());
    expect(times(3, () => rate.take('2001:db8::1'))).toBe(3);
    expect(rate.take('2001:db8::2')).toBe(false);
    expect(rate.take('20.0.0.1')).toBe(true);
  });

  test('remembers so many sources, the latest', () => {
    const rate = limit(new FakeClock());
    times(3, () => rate.take('20.0.0.1'));
    rate.take('20.0.0.2');
    rate.take('20.0.0.1');
    rate.take('20.0.0.3');
    expect(rate.take('20.0.0.1')).toBe(false);
    expect(times(5, () => rate.take('20.0.0.2'))).toBe(3);
  });
});
