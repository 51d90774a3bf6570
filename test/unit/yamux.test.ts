import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { encodeFrame, FrameReader, flag, frameType, goAwayCode, initialWindow } from '../../src/relay/yamux/frame.js';
import { YamuxSession } from '../../src/relay/yamux/session.js';
import type { YamuxStream } from '../../src/relay/yamux/stream.js';
import { duplexPair } from './duplex-pair.js';
import { FakeClock, settle } from './fake-clock.js';
import { readText } from './read-all.js';

const sessions: YamuxSession[] = [];
afterEach(() => {
  for (const session of sessions.splice(0)) session.destroy();
});

/** Two ends of a session, and what the client opens as it comes out at the server. */
function pair({ maxStreams = 16 } = {}): {
  client: YamuxSession;
  server: YamuxSession;
  accepted: YamuxStream[];
  open(): Promise<[YamuxStream, YamuxStream]>;
} {
  const [near, far] = duplexPair();
  const accepted: YamuxStream[] = [];
  const client = new YamuxSession(near, { role: 'client', maxStreams, onStream: (stream) => stream.destroy() });
  const server = new YamuxSession(far, { role: 'server', maxStreams, onStream: (stream) => accepted.push(stream) });
  sessions.push(client, server);
  const open = async (): Promise<[YamuxStream, YamuxStream]> => {
    const stream = client.open();
    await settle();
    const other = accepted.find(({ id }) => id === stream.id);
    if (!other) throw new Error('it did not come out');
    return [stream, other];
  };
  return { client, server, accepted, open };
}

/** A session and the raw bytes at its other end. */
function raw(role: 'client' | 'server' = 'server') {
  const [near, far] = duplexPair();
  const accepted: YamuxStream[] = [];
  const session = new YamuxSession(near, { role, maxStreams: 4, onStream: (stream) => accepted.push(stream) });
  sessions.push(session);
  const received: Buffer[] = [];
  far.on('data', (chunk: Buffer) => received.push(chunk));
  far.on('error', () => {});
  return { session, far, accepted, received: () => Buffer.concat(received) };
}

/** A session that asks whether the other end is there. */
function watchful() {
  const clock = new FakeClock();
  const [near, far] = duplexPair();
  const session = new YamuxSession(near, { role: 'client', maxStreams: 4, onStream: () => {}, heartbeatClock: clock });
  sessions.push(session);
  return { session, far, clock };
}

const syn = (id: number) => encodeFrame({ type: frameType.windowUpdate, flags: flag.syn, stream: id, length: 0 });
const data = (id: number, body: Uint8Array, flags = 0) =>
  encodeFrame({ type: frameType.data, flags, stream: id, length: body.length }, body);

const closing = (stream: YamuxStream) => new Promise<void>((resolve) => stream.once('close', () => resolve()));

describe('frames', () => {
  it('come out as they went in, however the bytes are cut', () => {
    const frame = fc.record({
      type: fc.constantFrom(0, 1, 2, 3),
      flags: fc.nat(0xffff),
      stream: fc.nat(0xffffffff),
      body: fc.uint8Array({ maxLength: 300 }),
    });
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        (frames, cuts) => {
          const bytes = Buffer.concat(
            frames.map(({ body, ...header }) =>
              header.type === frameType.data
                ? encodeFrame({ ...header, length: body.length }, body)
                : encodeFrame({ ...header, length: body.length }),
            ),
          );
          const seen: { type: number; flags: number; stream: number; body: number[]; length: number }[] = [];
          let ended = 0;
          const reader = new FrameReader({
            onHeader: (header) => seen.push({ ...header, body: [] }) > 0,
            onBody: (part) => seen.at(-1)?.body.push(...part),
            onBodyEnd: () => {
              ended += 1;
            },
          });
          for (let at = 0, cut = 0; at < bytes.length; cut++) {
            const length = cuts[cut % cuts.length] ?? 1;
            reader.push(bytes.subarray(at, at + length));
            at += length;
          }
          const expected = frames.map(({ body, ...header }) => ({
            ...header,
            length: body.length,
            body: header.type === frameType.data ? [...body] : [],
          }));
          expect(seen).toEqual(expected);
          expect(ended).toBe(frames.filter(({ type }) => type === frameType.data).length);
        },
      ),
    );
  });
});

describe('a session', () => {
  it('carries what each end writes on any number of streams, in order and complete', async () => {
    const writes = fc.array(fc.tuple(fc.nat(3), fc.boolean(), fc.integer({ min: 0, max: 200_000 })), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(writes, async (plan) => {
        const { open } = pair();
        const streams = [await open(), await open(), await open(), await open()];
        const sent = streams.map(() => [0, 0]);
        const totals = streams.map(() => [0, 0]);
        let value = 0;
        const counted = streams.flatMap((ends, index) =>
          ends.map(
            (end, side) =>
              new Promise<void>((resolve, reject) => {
                end.on('data', (part: Buffer) => {
                  const totalsOfStream = totals[index] ?? [];
                  totalsOfStream[side] = (totalsOfStream[side] ?? 0) + part.reduce((sum, byte) => sum + byte + 1, 0);
                });
                end.once('end', resolve);
                end.once('error', reject);
              }),
          ),
        );
        for (const [index, side, length] of plan) {
          const body = Buffer.alloc(length, value++ % 251);
          streams[index]?.[side ? 0 : 1].write(body);
          const sums = sent[index] ?? [];
          sums[side ? 1 : 0] = (sums[side ? 1 : 0] ?? 0) + body.reduce((sum, byte) => sum + byte + 1, 0);
        }
        for (const ends of streams) for (const end of ends) end.end();
        await Promise.all(counted);
        expect(totals).toEqual(sent);
      }),
      { numRuns: 15 },
    );
  });

  it('survives any bytes at all, or ends', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }), async (chunks) => {
        const { session, far, accepted } = raw();
        for (const chunk of chunks) if (!far.destroyed) far.write(chunk);
        await turn();
        expect(accepted.length).toBeLessThanOrEqual(4);
        session.destroy();
      }),
      { numRuns: 200 },
    );
  });

  it('lets one direction end while the other goes on', async () => {
    const { open } = pair();
    const [near, far] = await open();
    near.end('ask');
    expect(await readText(far)).toBe('ask');
    far.end('answer');
    expect(await readText(near)).toBe('answer');
  });

  it('holds a window and a buffer of a stream that nobody reads, and its writer waits', async () => {
    const { open } = pair();
    const [near, far] = await open();
    let taken = 0;
    const chunk = Buffer.alloc(16 * 1024);
    const write = () => {
      if (taken < 8 * initialWindow) near.write(chunk, write);
      taken += chunk.length;
    };
    write();
    await settle();
    await settle();
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThanOrEqual(initialWindow + 4 * chunk.length);
    const before = taken;
    far.resume();
    await settle();
    expect(taken).toBeGreaterThan(before);
  });

  it('does not let a stream that nobody reads hold up another', async () => {
    const { open } = pair();
    const [stuck] = await open();
    const [near, far] = await open();
    stuck.write(Buffer.alloc(2 * initialWindow));
    near.write(Buffer.alloc(3 * initialWindow));
    near.end('.');
    expect((await readText(far)).length).toBe(3 * initialWindow + 1);
  });

  it('takes about as much memory for unread bytes that come one by one', async () => {
    const { far, accepted } = raw();
    far.write(syn(1));
    const one = data(1, Buffer.alloc(1));
    const before = process.memoryUsage().heapUsed;
    for (let sent = 0; sent < initialWindow; sent += 8192) {
      far.write(Buffer.concat(Array.from({ length: 8192 }, () => one)));
      await turn();
    }
    expect(accepted).toHaveLength(1);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(16 * 1024 * 1024);
  });

  it('ends when a stream is sent more than its window', async () => {
    const { session, far, accepted } = raw();
    far.write(syn(1));
    far.write(data(1, Buffer.alloc(initialWindow)));
    await settle();
    expect(session.closed.aborted).toBe(false);
    far.write(data(1, Buffer.alloc(initialWindow)));
    await settle();
    expect(session.closed.reason).toMatchObject({ message: expect.stringContaining('more than it may') });
    expect(accepted[0]?.destroyed).toBe(true);
  });

  it.each([
    ['another version', Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
    ['an unknown type', Buffer.from([0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
    ['a stream number of this end', syn(2)],
    ['a stream number twice', Buffer.concat([syn(1), syn(1)])],
    ['bytes after the end of a stream', Buffer.concat([syn(1), data(1, Buffer.alloc(1), flag.fin), data(1, Buffer.alloc(1))])],
  ])('ends when it gets %s, and says so', async (_, bytes) => {
    const { session, far, received } = raw();
    far.write(bytes);
    await settle();
    expect(session.closed.aborted).toBe(true);
    const goAway = encodeFrame({ type: frameType.goAway, flags: 0, stream: 0, length: goAwayCode.protocolError });
    expect(received().subarray(-goAway.length)).toEqual(goAway);
  });

  it('resets streams beyond its cap and keeps those it has', async () => {
    const { client, accepted } = pair({ maxStreams: 2 });
    const { far, received } = raw();
    for (const id of [1, 3, 5, 7, 9]) far.write(syn(id));
    await settle();
    expect(received().subarray(-12)).toEqual(
      encodeFrame({ type: frameType.windowUpdate, flags: flag.rst, stream: 9, length: 0 }),
    );
    client.open();
    client.open();
    expect(() => client.open()).toThrow('too many');
    await settle();
    expect(accepted).toHaveLength(2);
  });

  it('ends when the other end asks on and does not read', async () => {
    const [near, far] = duplexPair();
    const session = new YamuxSession(near, { role: 'server', maxStreams: 4, onStream: () => {} });
    sessions.push(session);
    const ping = encodeFrame({ type: frameType.ping, flags: flag.syn, stream: 0, length: 7 });
    const many = Buffer.concat(Array.from({ length: 1000 }, () => ping));
    for (let sent = 0; sent < 100 && !far.destroyed; sent++) {
      far.write(many);
      await turn();
    }
    expect(session.closed.reason).toMatchObject({ message: expect.stringContaining('does not read') });
  });

  it('answers a ping with its number', async () => {
    const { far, received } = raw();
    far.write(encodeFrame({ type: frameType.ping, flags: flag.syn, stream: 0, length: 4711 }));
    await settle();
    expect(received()).toEqual(encodeFrame({ type: frameType.ping, flags: flag.ack, stream: 0, length: 4711 }));
  });

  it('takes its streams along when it ends', async () => {
    const { server, open } = pair();
    const [near] = await open();
    const closed = closing(near);
    server.destroy();
    await closed;
    expect(near.errored).toBeInstanceOf(Error);
  });

  it('resets the other end of a stream that is destroyed', async () => {
    const { open } = pair();
    const [near, far] = await open();
    const closed = closing(far);
    near.destroy();
    await closed;
    expect(far.errored).toMatchObject({ code: 'ECONNRESET' });
  });
});

describe('a session with a heartbeat', () => {
  it('ends when four pings in a row have brought nothing, within 2.5 s', async () => {
    const { session, far, clock } = watchful();
    far.resume();
    await clock.advance(2000);
    expect(session.closed.aborted).toBe(false);
    await clock.advance(500);
    expect(session.closed.aborted).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('goes on while the other end answers', async () => {
    const { session, far, clock } = watchful();
    sessions.push(new YamuxSession(far, { role: 'server', maxStreams: 4, onStream: () => {} }));
    await clock.advance(20_000);
    expect(session.closed.aborted).toBe(false);
  });

  it('leaves no timer behind when it ends', async () => {
    const { session, clock } = watchful();
    await clock.advance(700);
    session.destroy();
    expect(clock.pending).toBe(0);
  });
});
