import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import type { Endpoint } from '../../src/core/net.js';
import { sealAsClient } from '../../src/core/sealing.js';
import { createSystemNet } from '../../src/native/system-net.js';
import { type CoordinatorOptions, CoordinatorServer } from '../../src/relay/coordinator/coordinator-server.js';
import { DelayBook } from '../../src/relay/coordinator/delay-book.js';
import { coordinatorKey, coordinatorToken } from '../../src/relay/coordinator/invite.js';
import {
  type CoordinatorAnswer,
  coordinatorAnswerSchema,
  coordinatorRequestSchema,
  type DelayReport,
  maxMessageBytes,
} from '../../src/relay/coordinator/messages.js';
import { encodeFrame, readFrame } from '../../src/relay/message-frames.js';
import { reportOf } from '../../src/strategies/relay/coordinator/report.js';
import { FakeClock } from './fake-clock.js';
import { processWarnings } from './process-warnings.js';

const net = createSystemNet();
const log = { debug() {}, info() {}, warn() {}, error() {} };
const { signal } = new AbortController();
const secret = new Uint8Array(32).fill(7);
const [north, south, west] = ['a', 'b', 'c'].map((digit) => digit.repeat(64)) as [string, string, string];
/** What a relay is away, there and back. */
const delay = (relay: string, outMs: number, inMs: number) => ({ relay, outMs, inMs });

describe('reported delays', () => {
  let clock: FakeClock;
  let book: DelayBook;
  const report = (agent: string, delays: DelayReport['delays'], links?: DelayReport['links']) =>
    book.report(agent, { delays, ...(links && { links }) });
  beforeEach(() => {
    clock = new FakeClock();
    book = new DelayBook(clock);
  });

  it('make the shortest way for each direction, whatever the clocks say', () => {
    // The north's clock is an hour ahead. Out over the first it takes 20 ms, back over the second.
    const hour = 3_600_000;
    report(north, [delay('first:1', 10 - hour, 90 + hour), delay('second:1', 90 - hour, 10 + hour)]);
    report(south, [delay('first:1', 90, 10), delay('second:1', 10, 90)]);
    expect(book.routes(north, south)).toEqual({ out: ['first:1'], back: ['second:1'] });
    expect(book.routes(south, north)).toEqual({ out: ['second:1'], back: ['first:1'] });
  });

  it('take one relay for both directions where two gain no more than noise', () => {
    report(north, [delay('first:1', 49, 51), delay('second:1', 51, 49.5)]);
    report(south, [delay('first:1', 50, 50), delay('second:1', 50, 50)]);
    expect(book.routes(north, south)).toEqual({ out: ['first:1'], back: ['first:1'] });
  });

  it('make no way over a relay that one of the two has not reported, nor over other agents', () => {
    report(north, [delay('first:1', 1, 1)]);
    report(south, [delay('second:1', 1, 1)]);
    report(west, [delay('first:1', 1, 1), delay('second:1', 1, 1)]);
    expect(book.routes(north, south)).toEqual({ out: [], back: [] });
  });

  it('that contradict each other leave one relay, by the ends’ own clocks', () => {
    report(north, [delay('honest:1', 10, 10), delay('liar:1', -500, 600)]);
    report(south, [delay('honest:1', 10, 10), delay('liar:1', 50, 50)]);
    expect(book.routes(north, south)).toEqual({ out: ['honest:1'], back: ['honest:1'] });
  });

  describe('between relays', () => {
    const [nearby, faraway] = [
      [delay('first:1', 5, 5), delay('second:1', 100, 100)],
      [delay('second:1', 5, 5), delay('first:1', 100, 100)],
    ];
    const link = (outMs: number, inMs: number) => ({ from: 0, to: 1, outMs, inMs });
    const overBoth = { out: ['first:1', 'second:1'], back: ['second:1', 'first:1'] };

    it.each([
      ['near', [link(10, 10)], []],
      ['far', [], [link(10, 10)]],
    ])('make a way over two in a row, whoever of the two was told: the %s one', (_which, near, far) => {
      report(north, nearby, near);
      report(south, faraway, far);
      expect(book.routes(north, south)).toEqual(overBoth);
      expect(book.routes(south, north)).toEqual({ out: overBoth.back, back: overBoth.out });
    });

    it('make none that gains no more than noise', () => {
      report(north, nearby, [link(96, 96)]);
      report(south, faraway);
      expect(book.routes(north, south)).toEqual({ out: ['first:1'], back: ['first:1'] });
    });

    it('count for nobody but who has reported them', () => {
      report(north, nearby);
      report(south, faraway);
      report(west, nearby, [link(10, 10)]);
      expect(book.routes(north, south).out).toHaveLength(1);
    });

    it('name relays of the report', () => {
      report(north, nearby, [{ from: 0, to: 2, outMs: 10, inMs: 10 }]);
      expect(book.size.links).toBe(0);
    });
  });

  it('count for two minutes', async () => {
    for (const agent of [north, south]) report(agent, [delay('first:1', 1, 1)]);
    await clock.advance(119_000);
    expect(book.routes(north, south).out).toEqual(['first:1']);
    await clock.advance(1000);
    expect(book.routes(north, south).out).toEqual([]);
  });

  it('are bounded, the oldest leaving first', () => {
    for (let relay = 0; relay < 40; relay++) report(north, [delay(`relay-${relay}:1`, 1, 1)]);
    const pairs = Array.from({ length: 90 }, (_, pair) => ({ from: Math.floor(pair / 9), to: pair % 9, outMs: 1, inMs: 1 }));
    const relays = Array.from({ length: 10 }, (_, relay) => delay(`relay-${relay}:1`, 1, 1));
    for (const pair of pairs) report(north, relays, [pair]);
    expect(book.size).toEqual({ agents: 1, delays: 32, links: 64 });
    for (let agent = 0; agent < 5000; agent++) report(String(agent), [delay('first:1', 1, 1)]);
    expect(book.size.agents).toBe(4096);
  });
});

describe('a report', () => {
  const isValid = (...delays: object[]) => coordinatorRequestSchema.safeParse({ type: 'report', delays }).success;

  it('holds what the end has measured of all relays that tell their time, and what its own say of others', () => {
    const at = (digit: number) => ({ address: `192.0.2.${digit}`, port: 4704, transport: 'tcp' as const, rttMs: 20 });
    const oneWay = { outMs: 15, inMs: 5 };
    const report = reportOf(
      {
        offer: { type: 'offer', relays: [at(1), { ...at(2), oneWay }] },
        peerOffer: { type: 'offer', relays: [at(3), { ...at(4), oneWay: { outMs: 1, inMs: 1 } }] },
        reach: {
          type: 'reach',
          relays: [{ index: 1, rttMs: 40, oneWay: { outMs: 30, inMs: 10 }, seen: ['192.0.2.9'] }],
          links: [
            { from: 1, to: { opener: 'controlled', index: 1 }, outMs: 7, inMs: 8 },
            { from: 1, to: { opener: 'controlled', index: 0 }, outMs: 7, inMs: 8 },
            { from: 1, to: { opener: 'controlling', index: 0 }, outMs: 7, inMs: 8 },
          ],
        },
      },
      'controlling',
    );
    expect(report).toEqual({
      delays: [delay('192.0.2.2:4704', 15, 5), delay('192.0.2.4:4704', 30, 10)],
      links: [{ from: 0, to: 1, outMs: 7, inMs: 8 }],
    });
  });

  it('leaves out what the coordinator would part with an agent for', () => {
    const relay = { address: '192.0.2.1', port: 4704, transport: 'tcp' as const, rttMs: 20, oneWay: { outMs: -9, inMs: 5 } };
    const offer = { type: 'offer' as const, relays: [relay] };
    const none = { peerOffer: { type: 'offer' as const, relays: [] }, reach: { type: 'reach' as const, relays: [] } };
    expect(reportOf({ offer, ...none }, 'controlled')).toEqual({ delays: [], links: [] });
  });

  it.each([
    ['a round trip of less than nothing', delay('relay:1', -5, 4)],
    ['a round trip of more than a minute', delay('relay:1', 60_000, 1)],
    ['a delay that is no number', { relay: 'relay:1', outMs: '1', inMs: 1 }],
    ['a relay with a name without end', delay('r'.repeat(100), 1, 1)],
    ['a relay that is two', delay('relay:1 relay:2', 1, 1)],
    ['a clock from the end of time', delay('relay:1', 1e14, -1e14)],
  ])('with %s is refused', (_what, one) => {
    expect(isValid(delay('relay:1', 1, 1))).toBe(true);
    expect(isValid(one)).toBe(false);
  });

  it('of more relays than an attempt has is refused', () => {
    const many = Array.from({ length: 17 }, (_, index) => delay(`relay:${index}`, 1, 1));
    expect(isValid(...many.slice(1))).toBe(true);
    expect(isValid(...many)).toBe(false);
  });

  it('of the longest kind fits into a message', () => {
    const delays = Array.from({ length: 16 }, (_, index) => delay(`[${'2001:'.repeat(7)}${index}]:65535`, -1e12 / 3, 1e12 / 3));
    const links = Array.from({ length: 28 }, () => ({ from: 15, to: 14, outMs: -1e12 / 3, inMs: 1e12 / 3 }));
    expect(encodeFrame({ type: 'report', delays, links }).length).toBeLessThan(maxMessageBytes);
  });
});

describe('a coordinator', () => {
  let server: CoordinatorServer;
  let place: Endpoint;
  let streams: Duplex[];
  beforeEach(() => {
    streams = [];
  });
  afterEach(async () => {
    for (const stream of streams) stream.destroy();
    await server.close();
  });

  async function start(options: Partial<CoordinatorOptions> = {}): Promise<void> {
    const listen = [{ address: '127.0.0.1', port: 0 }];
    server = await CoordinatorServer.open({ net, clock: systemClock, log, listen, secret, ...options });
    place = server.local[0] ?? place;
  }

  async function connect(key: string, token = coordinatorToken(key, secret)): Promise<Duplex> {
    const plain = await net.connectTcp({ remote: place, timeoutMs: 1000 });
    const stream = await sealAsClient(plain, coordinatorKey({ key, token }), { clock: systemClock, signal });
    streams.push(stream);
    return stream;
  }

  async function ask(stream: Duplex, request: object): Promise<CoordinatorAnswer> {
    stream.write(encodeFrame(request));
    return readFrame(stream, coordinatorAnswerSchema, maxMessageBytes, signal);
  }

  it('notes what agents report, and answers those whom it concerns', async () => {
    await start();
    const [one, other] = await Promise.all([connect(north), connect(south)]);
    const delays = [delay('192.0.2.1:4704', 10, 10)];
    for (const stream of [one, other]) expect(await ask(stream, { type: 'report', delays })).toEqual({ type: 'noted' });
    const routes = { type: 'routes', out: ['192.0.2.1:4704'], back: ['192.0.2.1:4704'] };
    expect(await ask(one, { type: 'ask', peer: south })).toEqual(routes);
    expect(await ask(await connect(west), { type: 'ask', peer: south })).toEqual({ type: 'routes', out: [], back: [] });
    expect(server.status).toEqual({ connected: 3, agents: 2, delays: 2, links: 0, asked: 2 });
  });

  it.each([
    ['a token made up', (): [string, string] => [north, 'f'.repeat(64)]],
    ['another’s token', (): [string, string] => [north, coordinatorToken(south, secret)]],
    ['an invite that was revoked', (): [string, string] => [west, coordinatorToken(west, secret)]],
  ])('does not serve who has %s', async (_what, invite) => {
    await start({ revoked: new Set([west]) });
    await expect(connect(...invite())).rejects.toMatchObject({ code: 'SEALING_FAILED' });
    expect(server.status.connected).toBe(0);
  });

  it('is not believed by an agent unless it has the secret', async () => {
    await start({ secret: new Uint8Array(32).fill(8) });
    await expect(connect(north)).rejects.toMatchObject({ code: 'SEALING_FAILED' });
  });

  it('keeps one connection of an agent, the newest', async () => {
    await start();
    const first = await connect(north);
    await ask(first, { type: 'ping' });
    const gone = once(first.resume(), 'end');
    const second = await connect(north);
    await gone;
    expect(await ask(second, { type: 'ping' })).toEqual({ type: 'pong' });
    expect(server.status.connected).toBe(1);
  });

  it('serves a dozen agents, and Node sees no leak in that', async () => {
    const warnings = processWarnings();
    await start();
    for (let agent = 0; agent < 12; agent++) {
      const stream = await connect(agent.toString(16).repeat(64));
      expect(await ask(stream, { type: 'ping' })).toEqual({ type: 'pong' });
    }
    expect(server.status.connected).toBe(12);
    expect(warnings).toEqual([]);
  });

  it.each([
    ['breaks the protocol', encodeFrame({ type: 'report', delays: [{}] })],
    ['announces a message without end', Buffer.from([0xff, 0xff])],
    ['asks without end', Buffer.concat(Array.from({ length: 400 }, () => encodeFrame({ type: 'ping' })))],
  ])('parts with an agent that %s', async (_what, bytes) => {
    await start();
    const stream = await connect(north);
    stream.write(bytes);
    await once(stream.resume(), 'end');
    await expect.poll(() => server.status.connected).toBe(0);
  });

  it('holds no more strangers of one address than eight', async () => {
    await start();
    const strangers = await Promise.all(Array.from({ length: 12 }, () => net.connectTcp({ remote: place, timeoutMs: 1000 })));
    streams.push(...strangers);
    let closed = 0;
    for (const stranger of strangers) stranger.resume().once('end', () => (closed += 1));
    await expect.poll(() => closed).toBe(4);
  });
});
