import { once } from 'node:events';
import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AdminConnection } from '../../src/core/admin/connection.js';
import { JsonSplitter } from '../../src/core/admin/json-splitter.js';
import { systemClock } from '../../src/core/clock.js';
import type { ByteStream } from '../../src/core/net.js';
import { FakeAdmin, HeldClock, plainNet, replyText } from './admin-fake.js';

const asIs = (response: unknown) => response;

/** A connection to a router that is this test: what it was asked, and a way to answer byte by byte. */
function scripted(options: { clock?: HeldClock; replyLimit?: number } = {}) {
  const clock = options.clock ?? new HeldClock();
  const asked: string[] = [];
  const stream = new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _encoding, done) {
      asked.push((JSON.parse(chunk.toString()) as { request: string }).request);
      stream.emit('asked');
      done();
    },
  });
  const connection = new AdminConnection(stream as ByteStream, clock, options.replyLimit);
  onTestFinished(() => connection.close());
  return { connection, clock, asked, stream, answer: (text: string | Buffer) => void stream.push(text) };
}

const success = (response: unknown) => replyText({}, { status: 'success', response });

describe('the splitter of JSON objects', () => {
  const anyObject = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue());

  it('finds the objects of a stream whatever its chunks', () => {
    fc.assert(
      fc.property(
        fc.array(anyObject, { maxLength: 5 }),
        fc.constantFrom('', '\n', ' \r\n\t'),
        fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
        (objects, gap, sizes) => {
          const stream = Buffer.from(objects.map((object) => JSON.stringify(object, null, 2) + gap).join(''));
          const found: string[] = [];
          const splitter = new JsonSplitter(1e9, (text) => found.push(text.toString()));
          for (let offset = 0; offset < stream.length; ) {
            const { value: size } = sizes.next() as { value: number };
            splitter.push(stream.subarray(offset, offset + size));
            offset += size;
          }
          expect(found.map((text) => JSON.parse(text) as unknown)).toEqual(JSON.parse(JSON.stringify(objects)));
          expect(splitter.midway).toBe(false);
        },
      ),
    );
  });

  it('finds the same objects where a reader may take what he recognises', () => {
    fc.assert(
      fc.property(
        fc.array(anyObject, { maxLength: 5 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 60 })),
        fc.infiniteStream(fc.boolean()),
        (objects, sizes, moods) => {
          const stream = Buffer.from(objects.map((object) => `${JSON.stringify(object, null, 2)}\n`).join(''));
          const found: unknown[] = [];
          const splitter = new JsonSplitter(1e9, (text) => found.push(JSON.parse(text.toString())));
          const take = (text: Buffer) => {
            if (!moods.next().value) return false;
            try {
              found.push(JSON.parse(text.toString()));
              return true;
            } catch {
              return false;
            }
          };
          for (let offset = 0; offset < stream.length; ) {
            const { value: size } = sizes.next() as { value: number };
            splitter.push(stream.subarray(offset, offset + size), moods.next().value ? take : undefined);
            offset += size;
          }
          // Nobody may have been asked about the end.
          splitter.push(Buffer.from('\n'));
          expect(found).toEqual(JSON.parse(JSON.stringify(objects)));
          expect(splitter.midway).toBe(false);
        },
      ),
    );
  });

  it('passes on nothing that was taken, and asks once about each beginning', () => {
    const passed: string[] = [];
    const splitter = new JsonSplitter(100, (text) => passed.push(text.toString()));
    const asked: string[] = [];
    const take = (text: Buffer) => asked.push(text.toString()) > 1;
    for (const part of ['{"a": {}', ', "b": {}', '}\n', '{}\n']) splitter.push(Buffer.from(part), take);
    expect(passed).toEqual(['{"a": {}, "b": {}}']);
    expect(asked).toEqual(['{"a": {}', '{}\n']);
  });

  it('refuses junk at once though a reader waits for the end', () => {
    const take = () => false;
    expect(() => new JsonSplitter(100, () => {}).push(Buffer.from('HTTP/1.1 400'), take)).toThrow('not a JSON object');
    expect(() => new JsonSplitter(10, () => {}).push(Buffer.from('{"a": "unending'), take)).toThrow('more than 10 bytes');
  });

  it('gives the same objects for a cut at every byte of a reply', () => {
    const stream = Buffer.from(success({ text: 'a "quoted} {brace" \\ and ü 🐿', deep: [{}, { a: {} }] }) + success({}));
    for (let cut = 0; cut <= stream.length; cut++) {
      let found = '';
      const splitter = new JsonSplitter(1e6, (text) => {
        found += text.toString();
      });
      splitter.push(stream.subarray(0, cut));
      splitter.push(stream.subarray(cut));
      expect(found).toBe(stream.toString().replaceAll('}\n{', '}{').trimEnd());
    }
  });

  it.each(['x', '[1]', '}', '{}]', '\0'])('refuses %j', (text) => {
    expect(() => new JsonSplitter(100, () => {}).push(Buffer.from(text))).toThrow('something that is not a JSON object');
  });

  it('allows an object of just its limit and none larger', () => {
    const object = Buffer.from('{"a": 1}');
    const found: string[] = [];
    new JsonSplitter(object.length, (text) => found.push(text.toString())).push(object);
    expect(found).toEqual(['{"a": 1}']);
    expect(() => new JsonSplitter(object.length - 1, () => {}).push(object)).toThrow('more than 7 bytes');
  });

  it('counts an object that never ends against the limit as it grows', () => {
    const splitter = new JsonSplitter(100, () => {});
    splitter.push(Buffer.from(`{"${'a'.repeat(90)}`));
    expect(() => splitter.push(Buffer.alloc(20, 'a'))).toThrow('more than 100 bytes');
  });
});

describe('an admin connection', () => {
  it('asks with keepalive and gives what the reply holds', async () => {
    const admin = await FakeAdmin.start({ getPeers: { peers: [1, 2] } });
    const stream = await plainNet().connectUnix(String(admin.listen), { timeoutMs: 1000 });
    const connection = new AdminConnection(stream, systemClock);
    expect(await connection.call('getPeers', { sort: 'cost' }, asIs)).toEqual({ peers: [1, 2] });
    expect(admin.requests[0]).toMatchObject({ request: 'getPeers', arguments: { sort: 'cost' }, keepalive: true });
    connection.close();
    await once(stream, 'close');
  });

  it('sends a request only when the reply to the one before has come', async () => {
    const { connection, asked, answer } = scripted();
    const first = connection.call('getSelf', {}, asIs);
    const second = connection.call('getPeers', {}, asIs);
    expect(asked).toEqual(['getSelf']);
    answer(success(1));
    expect(await first).toBe(1);
    expect(asked).toEqual(['getSelf', 'getPeers']);
    answer(success(2));
    expect(await second).toBe(2);
  });

  it('lets a reader have the reply’s bytes, and parses what he leaves', async () => {
    const { connection, asked, answer } = scripted();
    const read = (reply: Buffer) => (reply.includes('"plain"') ? 'read' : undefined);
    const first = connection.call('getSessions', {}, asIs, { read });
    const second = connection.call('getSessions', {}, asIs, { read });
    const third = connection.call('getSessions', {}, asIs, { read });
    const text = success({ plain: 'x'.repeat(100) });
    answer(text.slice(0, 50));
    answer(text.slice(50));
    expect(await first).toBe('read');
    answer(success({ odd: 1 }));
    expect(await second).toEqual({ odd: 1 });
    answer(replyText({}, { status: 'error', error: 'no', response: null }));
    await expect(third).rejects.toMatchObject({ code: 'ADMIN_REFUSED' });
    expect(asked).toHaveLength(3);
  });

  it('is closed by more than the reply to a reader', async () => {
    const { connection, answer } = scripted();
    const call = connection.call('getSessions', {}, asIs, { read: () => undefined });
    answer(success(1) + success(2));
    expect(await call).toBe(1);
    expect(await connection.closed).toMatchObject({ code: 'ADMIN_REPLY_INVALID' });
  });

  it('goes on after the router refused a request', async () => {
    const { connection, answer } = scripted();
    const refused = connection.call('addPeer', {}, asIs);
    const next = connection.call('getSelf', {}, asIs);
    answer(replyText({}, { status: 'error', error: 'peer is already configured', response: null }));
    await expect(refused).rejects.toMatchObject({
      code: 'ADMIN_REFUSED',
      message: 'The router refused addPeer: peer is already configured.',
      cause: 'peer is already configured',
    });
    answer(success('still there'));
    expect(await next).toBe('still there');
  });

  it('is closed by a timeout, so that a late reply is not taken for the next one’s', async () => {
    const { connection, clock, asked, answer, stream } = scripted();
    const slow = connection.call('getSessions', {}, asIs, { timeoutMs: 700 });
    const next = connection.call('getPeers', {}, asIs);
    (await clock.timer(700, 700)).fire();
    await expect(slow).rejects.toMatchObject({
      code: 'ADMIN_TIMEOUT',
      message: expect.stringContaining('getSessions within 700 ms'),
    });
    await expect(next).rejects.toMatchObject({ code: 'ADMIN_CLOSED', cause: { code: 'ADMIN_TIMEOUT' } });
    answer(success('late'));
    expect(asked).toEqual(['getSessions']);
    expect(stream.destroyed).toBe(true);
    await expect(connection.call('getPeers', {}, asIs)).rejects.toMatchObject({ code: 'ADMIN_CLOSED' });
  });

  it('counts a call’s time from when it is sent, 5 s unless told', async () => {
    const { connection, clock, answer } = scripted();
    const first = connection.call('getSelf', {}, asIs, { timeoutMs: 100 });
    const second = connection.call('getPeers', {}, asIs);
    expect(clock.pending).toBe(1);
    answer(success(1));
    await first;
    expect((await clock.timer(0, 10_000)).delayMs).toBe(5000);
    answer(success(2));
    await second;
    expect(clock.pending).toBe(0);
  });

  it.each([
    ['text that is no object', 'HTTP/1.1 400 Bad Request\r\n'],
    ['braces that are no JSON', '{status: success}'],
    ['an object that is no reply', '{"hello": "world"}'],
    ['a status that yggdrasil does not have', '{"status": "fine"}'],
    ['bytes that are no text', Buffer.from([0xff, 0x00, 0x7b])],
  ])('is closed by %s', async (_what, junk) => {
    const { connection, answer, stream } = scripted();
    const call = connection.call('getSelf', {}, asIs);
    const next = connection.call('getPeers', {}, asIs);
    answer(junk);
    await expect(call).rejects.toMatchObject({ code: 'ADMIN_REPLY_INVALID' });
    await expect(next).rejects.toMatchObject({ code: 'ADMIN_CLOSED' });
    expect((await connection.closed).code).toBe('ADMIN_REPLY_INVALID');
    expect(stream.destroyed).toBe(true);
  });

  it('is closed by a reply that nobody asked for', async () => {
    const { connection, answer } = scripted();
    answer(success(1));
    expect(await connection.closed).toMatchObject({
      code: 'ADMIN_REPLY_INVALID',
      message: 'The admin socket spoke without being asked.',
    });
  });

  it('is closed by a second reply to one request', async () => {
    const { connection, answer } = scripted();
    const call = connection.call('getSelf', {}, asIs);
    answer(success(1) + success(2));
    expect(await call).toBe(1);
    expect((await connection.closed).code).toBe('ADMIN_REPLY_INVALID');
  });

  it('is closed by a reply beyond the cap', async () => {
    const { connection, answer } = scripted({ replyLimit: 1000 });
    const call = connection.call('getSelf', {}, asIs);
    answer(`{"status": "${'x'.repeat(1000)}`);
    await expect(call).rejects.toMatchObject({ code: 'ADMIN_REPLY_TOO_LARGE' });
  });

  it('says so when the router ends in the middle of a reply', async () => {
    const { connection, stream, answer } = scripted();
    const call = connection.call('getSelf', {}, asIs);
    answer('{"status": "succ');
    stream.push(null);
    await expect(call).rejects.toMatchObject({
      code: 'ADMIN_CLOSED',
      message: expect.stringContaining('in the middle of a reply'),
    });
  });

  it('rejects everything under way when the stream breaks', async () => {
    const { connection, stream } = scripted();
    const calls = ['getSelf', 'getPeers', 'getSessions'].map((name) => connection.call(name, {}, asIs));
    stream.destroy(Object.assign(new Error('reset'), { code: 'ECONNRESET' }));
    for (const outcome of await Promise.allSettled(calls)) expect(outcome).toMatchObject({ reason: { code: 'ADMIN_CLOSED' } });
  });

  it('lets a queued call be aborted without sending it', async () => {
    const { connection, asked, answer } = scripted();
    const abort = new AbortController();
    const first = connection.call('getSelf', {}, asIs);
    const queued = connection.call('getPeers', {}, asIs, { signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(queued).rejects.toThrow('enough');
    answer(success(1));
    await first;
    expect(asked).toEqual(['getSelf']);
  });

  it('keeps the reply to an aborted call from the next one', async () => {
    const { connection, asked, answer } = scripted();
    const abort = new AbortController();
    const aborted = connection.call('getPeers', {}, asIs, { signal: abort.signal });
    const next = connection.call('getSelf', {}, asIs);
    abort.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    expect(asked).toEqual(['getPeers']);
    answer(success('for the aborted call'));
    answer(success('for the next'));
    expect(await next).toBe('for the next');
  });

  it('does not start a call whose signal has aborted', async () => {
    const { connection, asked } = scripted();
    await expect(connection.call('getSelf', {}, asIs, { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no');
    expect(asked).toEqual([]);
  });
});
