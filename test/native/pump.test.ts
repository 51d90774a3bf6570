import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { BridgeError } from '../../src/core/errors.js';
import { decodeAgentFrame, encodeAgentFrame } from '../../src/core/frames/agent-frames.js';
import { frameType, keepAliveFrame } from '../../src/core/frames/frame-types.js';
import { createStreamPumps } from '../../src/core/stream-pump.js';
import { createNativePumps } from '../../src/native/native-pump.js';
import { createSocketPumps } from '../../src/native/socket-pump.js';
import { cutAt, frame, handshake, trafficFrame } from '../unit/link-frames.js';
import { builtAddon } from './built-addon.js';
import { eventually, openSockets } from './loopback.js';
import { destroyStreams, keys, onePump, Received, tcpPair, twoPumps, unixPair } from './pump-bench.js';

const streams = createStreamPumps(systemClock);
const [ownKey, peerKey] = keys;
const over = new BridgeError('SESSION_ENDED', 'The session has ended.');

let socketsBefore: number;
beforeEach(() => {
  socketsBefore = openSockets();
});

// Every test is a test for leaks, too.
afterEach(() => {
  destroyStreams();
  return eventually(() => openSockets() <= socketsBefore);
});

const native = createNativePumps(builtAddon(), {
  start() {
    throw new Error('a path with a descriptor is for the addon');
  },
});

describe.each([
  { name: 'of streams', pumps: streams },
  { name: 'of streams whose reads share their memory', pumps: createSocketPumps(streams) },
  { name: 'of the addon', pumps: native },
])('a pump $name', ({ pumps }) => {
  it('carries 24 MiB of frames both ways at once, unharmed and in order', async () => {
    const { pumps: ends, routers } = await twoPumps(pumps);
    const payload = () => {
      const frames = Array.from({ length: 400 }, (_, i) => frame(6, randomBytes(i % 3 === 0 ? 131_000 : 20_000 + i)));
      return Buffer.concat([handshake(), ...frames]);
    };
    const sent = [payload(), payload()] as const;
    const received = [new Received(routers[0]), new Received(routers[1])] as const;
    for (const side of [0, 1] as const) {
      for (const chunk of cutAt(sent[side], [1, 4, 200, 100_000])) routers[side].write(chunk);
    }
    const [atLeft, atRight] = await Promise.all([received[0].atLeast(sent[1].length), received[1].atLeast(sent[0].length)]);
    expect(sha256(atRight)).toBe(sha256(sent[0]));
    expect(sha256(atLeft)).toBe(sha256(sent[1]));
    expect(ends[0].counters.bytesOut).toBeGreaterThanOrEqual(sent[0].length);
    await ends[0].end(over);
    await ends[1].ended;
  });

  it('begins with what was read of the path before it', async () => {
    const [[near, far], [agent, router]] = [await tcpPair(), await unixPair()];
    const early = Buffer.concat([handshake(), frame(4, randomBytes(3000))]);
    far.write(Buffer.concat([Buffer.from('start'), early.subarray(0, 1500)]));
    await once(near, 'readable');
    expect(near.read(5)?.toString()).toBe('start');
    const received = new Received(router);
    const pump = pumps.start({ path: near, router: agent, hidden: true, ownKey, peerKey });
    far.write(early.subarray(1500));
    expect((await received.atLeast(early.length)).equals(early)).toBe(true);
    await pump.end(over);
  });

  it('sends what was written to the path before it first', async () => {
    const [[near, far], [agent, router]] = [await tcpPair(), await unixPair()];
    const received = new Received(far);
    const before = randomBytes(6 << 20);
    near.write(before);
    const pump = pumps.start({ path: near, router: agent, hidden: true, ownKey, peerKey });
    const greeting = handshake();
    router.write(greeting);
    const all = Buffer.concat([before, greeting]);
    expect((await received.atLeast(all.length)).equals(all)).toBe(true);
    await pump.end(over);
  });

  it.each(['path', 'router'] as const)(
    'holds a sender back whose bytes the %s does not take, and lets it go on later',
    async (slow) => {
      const { pump, far, router } = await onePump(pumps);
      const [from, to] = slow === 'path' ? [router, far] : [far, router];
      from.write(handshake());
      const big = frame(6, Buffer.alloc(100_000));
      const total = 400;
      let written = 0;
      const writer = (async () => {
        for (; written < total; written++) if (!from.write(big)) await once(from, 'drain');
      })();
      let seen = -1;
      // Until nothing moves any more.
      while (written !== seen) {
        seen = written;
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
      expect(written).toBeLessThan(total);
      const received = new Received(to);
      await Promise.all([writer, received.atLeast(total * big.length)]);
      await pump.end(over);
    },
  );

  it('spreads a burst on its way to the router over time', async () => {
    const { pumps: ends, routers } = await twoPumps(pumps);
    for (const router of routers) router.write(handshake());
    const received = new Received(routers[1]);
    await received.atLeast(123);
    // What passes at once, and what the first 50 ms let through, make less than this.
    const frames = Array.from({ length: 40 }, () => frame(6, Buffer.alloc(100_000)));
    const startedAt = performance.now();
    for (const each of frames) routers[0].write(each);
    await received.atLeast(123 + 4_000_000);
    expect(performance.now() - startedAt).toBeGreaterThan(45);
    await ends[0].end(over);
    await ends[1].ended;
  });

  it('wakes the router up for the rest of a long frame once, when all of it has come', async () => {
    const { pump, far, router } = await onePump(pumps);
    const atRouter = new Received(router);
    const [greeting, long, short] = [handshake(), frame(6, randomBytes(100_000)), frame(4, randomBytes(50))];
    far.write(greeting);
    await atRouter.atLeast(greeting.length);
    const first = 20_000;
    far.write(long.subarray(0, first));
    await atRouter.atLeast(greeting.length + first);
    for (let at = first; at < 90_000; at += 10_000) {
      far.write(long.subarray(at, at + 10_000));
      await sleep(10);
    }
    expect(atRouter.bytes.length).toBe(greeting.length + first);
    far.write(long.subarray(90_000));
    const all = Buffer.concat([greeting, long, short]);
    await atRouter.atLeast(all.length - short.length);
    // And what is short is not waited for any more.
    far.write(short);
    expect((await atRouter.atLeast(all.length)).equals(all)).toBe(true);
    await pump.end(over);
  });

  it('takes a frame that is long in coming for a sign of life', { timeout: 20_000 }, async () => {
    const { pump, far, router } = await onePump(pumps);
    far.resume();
    const atRouter = new Received(router);
    const [greeting, long] = [handshake(), frame(6, randomBytes(100_000))];
    far.write(greeting);
    // A path on which nothing comes is given up after 4.7 s.
    for (let at = 0; at < 14; at++) {
      far.write(long.subarray(at * 5000, (at + 1) * 5000));
      await sleep(500);
    }
    far.write(long.subarray(14 * 5000));
    const all = Buffer.concat([greeting, long]);
    expect((await atRouter.atLeast(all.length)).equals(all)).toBe(true);
    await pump.end(over);
  });

  it('keeps the first traffic from the router for a while, and what follows it, and nothing else', async () => {
    const { pump, far, router } = await onePump(pumps, { keepBackMs: 300 });
    const [atFar, atRouter] = [new Received(far), new Received(router)];
    const [announcement, keepAlive] = [frame(4, randomBytes(100)), Buffer.from(keepAliveFrame)];
    const traffic = (from: 0 | 1) =>
      trafficFrame({ source: keys[from], destination: keys[from === 0 ? 1 : 0], payload: randomBytes(1000) });
    const before = Buffer.concat([handshake(), announcement]);
    far.write(before);
    await atRouter.atLeast(before.length);
    const kept = [traffic(1), keepAlive, traffic(1)];
    const sentAt = performance.now();
    for (const each of kept) far.write(each);
    const outward = Buffer.concat([handshake(), traffic(0)]);
    router.write(outward);
    await atFar.atLeast(outward.length);
    expect(atRouter.bytes.length).toBe(before.length);
    const all = Buffer.concat([before, ...kept]);
    expect((await atRouter.atLeast(all.length)).equals(all)).toBe(true);
    expect(performance.now() - sentAt).toBeGreaterThan(295);
    const later = Buffer.concat([all, traffic(1)]);
    far.write(later.subarray(all.length));
    expect((await atRouter.atLeast(later.length)).equals(later)).toBe(true);
    await pump.end(over);
  });

  it('brings 8 MiB of traffic to the router in order, whose first frame it has kept back', async () => {
    const { pump, far, router } = await onePump(pumps, { keepBackMs: 50 });
    const received = new Received(router);
    const frames = Array.from({ length: 128 }, () =>
      trafficFrame({ source: peerKey, destination: ownKey, payload: randomBytes(65_000) }),
    );
    const all = Buffer.concat([handshake(), ...frames]);
    far.write(all);
    expect(sha256(await received.atLeast(all.length))).toBe(sha256(all));
    await pump.end(over);
  });

  it('ends while it keeps the first traffic back', async () => {
    const { pump, far, router } = await onePump(pumps, { keepBackMs: 1000 });
    const received = new Received(router);
    const greeting = handshake();
    far.write(greeting);
    await received.atLeast(greeting.length);
    far.write(trafficFrame({ source: peerKey, destination: ownKey }));
    await eventually(() => pump.counters.bytesIn > greeting.length);
    await pump.end(over);
    expect(await pump.ended).toBe(over);
    expect(received.bytes.length).toBe(greeting.length);
  });

  it('leaves tree building out of a hidden bridge both ways, and answers in its place between frames', async () => {
    const { pump, far, router } = await onePump(pumps);
    const [atFar, atRouter] = [new Received(far), new Received(router)];
    const greetings = [handshake(), handshake()] as const;
    router.write(greetings[0]);
    far.write(greetings[1]);
    await Promise.all([atFar.atLeast(greetings[0].length), atRouter.atLeast(greetings[1].length)]);
    const announce = frame(4, randomBytes(500));
    // Half a frame is on its way to the router when its own request is dropped.
    far.write(announce.subarray(0, 200));
    await atRouter.atLeast(greetings[1].length + 200);
    router.write(Buffer.concat([frame(2, randomBytes(10)), announce, frame(3, randomBytes(80))]));
    await atFar.atLeast(greetings[0].length + announce.length);
    far.write(Buffer.concat([announce.subarray(200), frame(frameType.signatureResponse, randomBytes(80))]));
    const expected = Buffer.concat([greetings[1], announce, keepAliveFrame, keepAliveFrame]);
    expect((await atRouter.atLeast(expected.length)).equals(expected)).toBe(true);
    const passed = Buffer.concat([greetings[0], announce, keepAliveFrame]);
    expect((await atFar.atLeast(passed.length)).equals(passed)).toBe(true);
    expect(pump.counters.dropped).toBe(3);
    await pump.end(over);
  });

  it('answers a router that takes what comes bit by bit, after what waits for it', async () => {
    const { pump, far, router } = await onePump(pumps);
    const received: Buffer[] = [];
    router.on('data', (chunk: Buffer) => {
      received.push(chunk);
      router.pause();
      router.write(frame(frameType.signatureRequest, randomBytes(10)));
      setTimeout(() => router.resume(), 10);
    });
    router.write(handshake());
    far.resume();
    // Frames of three bytes: every third is the end of one, where an answer finds its place, and nothing else that waits ends there.
    const frames = randomBytes(3 << 19).map((byte, at) => [2, 4 + (byte % 5), byte][at % 3] ?? 0);
    const [greeting, last] = [handshake(), frame(4, Buffer.from('the last'))];
    far.write(Buffer.concat([greeting, frames, last]));
    await eventually(() => Buffer.concat(received.slice(-2)).includes(last));
    const passed = withoutKeepAlives(Buffer.concat(received).subarray(greeting.length));
    expect(sha256(passed)).toBe(sha256(Buffer.concat([frames, last])));
    expect(pump.counters.dropped).toBeGreaterThan(0);
    await pump.end(over);
  });

  it('passes tree building where the bridge is not hidden', async () => {
    const { pump, far, router } = await onePump(pumps, { hidden: false });
    const stream = Buffer.concat([handshake(), frame(2, randomBytes(10)), frame(3, randomBytes(80))]);
    const received = new Received(far);
    router.write(stream);
    expect((await received.atLeast(stream.length)).equals(stream)).toBe(true);
    expect(pump.counters.dropped).toBe(0);
    await pump.end(over);
  });

  it('counts the traffic of others both ways', async () => {
    const { pump, far, router } = await onePump(pumps);
    const stranger = Buffer.alloc(32, 9);
    const stream = (frames: Buffer[]) => Buffer.concat([handshake(), ...frames]);
    const out = stream([
      trafficFrame({ source: ownKey, destination: peerKey }),
      trafficFrame({ source: stranger, destination: peerKey }),
      trafficFrame({ source: ownKey, destination: stranger, payload: Buffer.alloc(60_000) }),
    ]);
    const back = stream([
      trafficFrame({ source: peerKey, destination: ownKey }),
      trafficFrame({ source: ownKey, destination: peerKey }),
    ]);
    const [atFar, atRouter] = [new Received(far), new Received(router)];
    for (const chunk of cutAt(
      out,
      Array.from({ length: 400 }, () => 0),
    ))
      router.write(chunk);
    far.write(back);
    await Promise.all([atFar.atLeast(out.length), atRouter.atLeast(back.length)]);
    // A thread counts what it has sent a moment after it is there.
    const counted = { transitIn: 1, transitOut: 2, bytesIn: back.length, bytesOut: out.length };
    await expect.poll(() => pump.counters).toMatchObject(counted);
    await pump.end(over);
  });

  it.each(['path', 'router'] as const)('refuses what is not yggdrasil’s from the %s, and closes both streams', async (side) => {
    const { pump, far, router } = await onePump(pumps);
    const closed = Promise.all([once(far.resume(), 'close'), once(router.resume(), 'close')]);
    for (const stream of [far, router]) stream.on('end', () => stream.end());
    (side === 'path' ? far : router).write('GET / HTTP/1.1\r\n\r\n');
    expect((await pump.ended).code).toBe('LINK_MALFORMED');
    await closed;
  });

  it('refuses a router that speaks as an agent', async () => {
    const { pump, router } = await onePump(pumps);
    router.write(Buffer.concat([handshake(), encodeAgentFrame({ kind: 'end', code: 'X', message: '' })]));
    expect((await pump.ended).code).toBe('LINK_MALFORMED');
  });

  it('tells the other agent why it ends, and both routers see the end', async () => {
    const { pumps: ends, routers } = await twoPumps(pumps);
    const received = routers.map((router) => new Received(router));
    for (const router of routers) router.write(handshake());
    await Promise.all(received.map((each) => each.atLeast(123)));
    await ends[0].end(over);
    const reason = await ends[1].ended;
    expect(reason).toMatchObject({
      code: 'PEER_ENDED',
      message: expect.stringContaining('The session has ended. (SESSION_ENDED)'),
    });
    await eventually(() => received.every(({ ended }) => ended));
  });

  it('brings everything to the far router before the end, when a router closes', async () => {
    const { pumps: ends, routers } = await twoPumps(pumps);
    const stream = Buffer.concat([handshake(), ...Array.from({ length: 30 }, () => frame(6, randomBytes(100_000)))]);
    const received = new Received(routers[1]);
    routers[1].on('end', () => routers[1].end());
    routers[0].resume().end(stream);
    expect((await received.atLeast(stream.length)).equals(stream)).toBe(true);
    await eventually(() => received.ended);
    expect((await ends[0].ended).code).toBe('LINK_CLOSED');
    await ends[1].ended;
  });

  it('ends when the path does, within a frame too', async () => {
    const { pump, far, router } = await onePump(pumps);
    const received = new Received(router);
    router.on('end', () => router.end());
    const stream = Buffer.concat([handshake(), frame(4, randomBytes(500)).subarray(0, 100)]);
    far.resume().end(stream);
    expect((await pump.ended).code).toBe('PATH_CLOSED');
    expect(received.ended).toBe(true);
    expect((await received.atLeast(stream.length)).equals(stream)).toBe(true);
  });

  it('ends when the path is reset, or destroyed by who gave it', async () => {
    const reset = await onePump(pumps);
    reset.far.resetAndDestroy?.();
    expect((await reset.pump.ended).code).toBe('PATH_CLOSED');
    const [[near], [agent, router]] = [await tcpPair(), await unixPair()];
    const pump = pumps.start({ path: near, router: agent, hidden: true, ownKey, peerKey });
    near.destroy();
    expect((await pump.ended).code).toBe('PATH_CLOSED');
    await once(router.resume(), 'end');
  });

  it('ends at once, once, and for good when asked to many times', async () => {
    const { pump } = await onePump(pumps);
    await Promise.all([pump.end(over), pump.end(new BridgeError('PATH_CLOSED', 'x')), pump.end(over)]);
    expect(await pump.ended).toBe(over);
  });

  it('knows the delays of its path, and says so in beats between frames', async () => {
    const { pumps: ends, routers } = await twoPumps(pumps);
    for (const router of routers) router.resume().write(handshake());
    await expect.poll(() => ends.every(({ delays }) => delays !== undefined), { timeout: 8000 }).toBe(true);
    for (const { delays } of ends) {
      expect(delays?.rttMs).toBeGreaterThan(0);
      expect(delays?.leastRttMs).toBeLessThanOrEqual(delays?.rttMs ?? 0);
      expect((delays?.outMs ?? 0) + (delays?.inMs ?? 0)).toBeCloseTo(delays?.rttMs ?? 0, 6);
    }
    await ends[0].end(over);
    await ends[1].ended;
  });

  it('gives a path up on which nothing comes, and beats until then', { timeout: 12_000 }, async () => {
    const { pump, far, router } = await onePump(pumps);
    const atFar = new Received(far);
    router.resume().write(handshake());
    const startedAt = performance.now();
    expect((await pump.ended).code).toBe('PATH_SILENT');
    expect(performance.now() - startedAt).toBeGreaterThan(3500);
    const body = (await atFar.atLeast(123 + 27)).subarray(125, 150);
    expect(decodeAgentFrame(body)).toMatchObject({ kind: 'beat', echo: 0, received: 0 });
  });
});

describe('the thread of the addon', () => {
  it('lets others finish their turns while it carries much, and no longer', { timeout: 60_000 }, async () => {
    const { pump, far, router } = await onePump(native);
    far.resume();
    router.write(handshake());
    const much = frame(6, randomBytes(131_000));
    const pour = () => {
      while (router.write(much));
    };
    router.on('drain', pour);
    pour();
    await expect.poll(pumpPolicy, { timeout: 25_000 }).toBe('batch');
    router.off('drain', pour);
    const little = setInterval(() => router.write(frame(6, randomBytes(100))), 10);
    await expect.poll(pumpPolicy, { timeout: 25_000 }).toBe('other');
    clearInterval(little);
    await pump.end(over);
  });
});

/** By which policy of sched(7) the pump's thread has its turns. */
function pumpPolicy(): string | undefined {
  const stats = readdirSync('/proc/self/task').map((id) => readFileSync(`/proc/self/task/${id}/stat`, 'latin1'));
  // The fields after the name in parentheses begin with the third; the policy is the 41st (proc_pid_stat(5)).
  const policy = stats
    .find((stat) => stat.includes('(pump)'))
    ?.replace(/^.*\) /, '')
    .split(' ')[41 - 3];
  return { 0: 'other', 3: 'batch' }[Number(policy)];
}

function withoutKeepAlives(frames: Buffer): Buffer {
  const others: Buffer[] = [];
  for (let at = 0; at < frames.length; at += 1 + (frames[at] ?? 0)) {
    if (frames[at + 1] !== frameType.keepAlive) others.push(frames.subarray(at, at + 1 + (frames[at] ?? 0)));
  }
  return Buffer.concat(others);
}

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
