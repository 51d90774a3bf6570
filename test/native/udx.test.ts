import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import type { Endpoint } from '../../src/core/net.js';
import { systemRandom } from '../../src/core/random.js';
import type { ReliableUdpSocket } from '../../src/core/reliable-udp.js';
import { createUdx } from '../../src/native/udx/create-udx.js';
import { loadUdx } from '../../src/native/udx/load-udx.js';
import { readAll, readText } from '../unit/read-all.js';
import { bindLoopback, ids, openEnd, type UdxEnd, udxPair } from './udx-pair.js';

const open: ReliableUdpSocket[] = [];
const tracked = <Ends extends readonly UdxEnd[]>(ends: Ends): Ends => {
  open.push(...ends.map(({ socket }) => socket));
  return ends;
};
afterEach(async () => {
  await Promise.all(open.splice(0).map((socket) => socket.close()));
});

const failure = async ({ stream }: UdxEnd): Promise<NodeJS.ErrnoException> => {
  const [error] = (await once(stream, 'error')) as [NodeJS.ErrnoException];
  return error;
};

describe('a stream of udx', () => {
  it('carries 16 MiB both ways at once, unharmed and in order', async () => {
    const [one, other] = tracked(await udxPair());
    const payloads = [randomBytes(16 << 20), randomBytes(16 << 20)] as const;
    one.stream.end(payloads[0]);
    other.stream.end(payloads[1]);
    const [atOne, atOther] = await Promise.all([readAll(one.stream), readAll(other.stream)]);
    expect(sha256(atOther)).toBe(sha256(payloads[0]));
    expect(sha256(atOne)).toBe(sha256(payloads[1]));
  });

  it('keeps what is written before the other end has opened', async () => {
    const [one, other] = await Promise.all([bindLoopback(), bindLoopback()]);
    open.push(one, other);
    const early = openEnd(one, other.local, 0);
    early.stream.end('early');
    await new Promise((resolve) => setTimeout(resolve, 120));
    const late = openEnd(other, one.local, 1);
    expect(await readText(late.stream)).toBe('early');
  });

  it('goes on in one direction when the other has ended', async () => {
    const [one, other] = tracked(await udxPair());
    one.stream.end('question');
    expect(await readText(other.stream)).toBe('question');
    other.stream.end('answer');
    expect(await readText(one.stream)).toBe('answer');
  });

  it('closes without error when both directions have ended', async () => {
    const [one, other] = tracked(await udxPair());
    const closed = Promise.all([once(one.stream, 'close'), once(other.stream, 'close')]);
    one.stream.resume().end('a');
    other.stream.resume().end('b');
    await closed;
    expect([one.stream.errored, other.stream.errored]).toEqual([null, null]);
  });

  it('holds a sender back whose reader is paused, and lets it go on later', async () => {
    const [one, other] = tracked(await udxPair());
    let written = 0;
    const chunk = Buffer.alloc(64 * 1024);
    const writer = (async () => {
      while (written < 32 << 20) {
        written += chunk.length;
        if (!one.stream.write(chunk)) await once(one.stream, 'drain');
      }
      one.stream.end();
    })();
    other.stream.pause();
    // Several rounds of asking for credit.
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(written).toBeGreaterThan(1 << 20);
    expect(written).toBeLessThan(3 << 20);
    const [received] = await Promise.all([readAll(other.stream), writer]);
    expect(received.length).toBe(32 << 20);
  });

  it('fails with ECONNRESET when the other end destroys it', async () => {
    const [one, other] = tracked(await udxPair());
    one.stream.write('x');
    await once(other.stream, 'readable');
    const failed = failure(one);
    other.stream.destroy();
    expect((await failed).code).toBe('ECONNRESET');
  });

  it('fails with ETIMEDOUT when the other end never opens', async () => {
    const [one, other] = await Promise.all([bindLoopback(), bindLoopback()]);
    open.push(one, other);
    const end = openEnd(one, other.local, 0, { openMs: 300 });
    expect((await failure(end)).code).toBe('ETIMEDOUT');
  });

  it('fails with ETIMEDOUT when the other end vanishes while nothing is sent', async () => {
    const { ends, relay } = await relayedPair({ heartbeatMs: 100, silenceMs: 400 });
    ends[0].stream.write('x');
    await once(ends[1].stream, 'readable');
    const failed = failure(ends[0]);
    ends[1].stream.on('error', () => {});
    relay.close();
    expect((await failed).code).toBe('ETIMEDOUT');
  });

  it('tells the other end that it gave up, which may hear it still', async () => {
    const { ends, relay } = await relayedPair({ heartbeatMs: 100, silenceMs: 400 });
    ends[0].stream.write('x');
    await once(ends[1].stream, 'readable');
    const failures = Promise.all([failure(ends[0]), failure(ends[1])]);
    // From now on only what the first end sends gets through.
    relay.removeAllListeners('message');
    relay.on('message', (data, { port }) => {
      if (port === ends[0].socket.local.port) relay.send(data, ends[1].socket.local.port, '127.0.0.1');
    });
    expect((await failures).map(({ code }) => code)).toEqual(['ETIMEDOUT', 'ECONNRESET']);
  });

  it('goes on where it was when the other end has moved in the midst of both directions', async () => {
    const [one, other] = tracked(await udxPair({ heartbeatMs: 100 }));
    const payloads = [randomBytes(24 << 20), randomBytes(24 << 20)] as const;
    one.stream.end(payloads[0]);
    other.stream.end(payloads[1]);
    const moved = once(other.stream, 'data').then(() => one.socket.rebind?.({ address: '127.0.0.2', port: 0 }));
    const [atOne, atOther] = await Promise.all([readAll(one.stream), readAll(other.stream), moved]);
    expect(sha256(atOther)).toBe(sha256(payloads[0]));
    expect(sha256(atOne)).toBe(sha256(payloads[1]));
  }, 15_000);

  it('outlives a reset by someone who knows its ids but not its key', async () => {
    const [one, other] = tracked(await udxPair({ heartbeatMs: 100 }));
    one.stream.write('before');
    await once(other.stream, 'readable');
    expect(String(other.stream.read())).toBe('before');
    await forgeReset(other.socket.local.port, ids[1]);
    one.stream.end('after');
    expect(await readText(other.stream)).toBe('after');
    // The same is the end of a bare stream of udx.
    const bare = loadUdx().Udx;
    if (!bare) throw new Error('no udx');
    const library = new bare();
    const socket = library.createSocket();
    socket.bind(0, '127.0.0.1');
    const stream = library.createStream(1);
    const failed = once(stream, 'error');
    stream.connect(socket, 2, 9, '127.0.0.1');
    await forgeReset(socket.address()?.port ?? 0, 1);
    expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET' });
    await socket.close();
  });

  it('measures its round trip', async () => {
    const [one] = tracked(await udxPair({ heartbeatMs: 100 }));
    await expect.poll(() => one.stream.rttMs).toBeGreaterThan(0);
    expect(one.stream.rttMs).toBeLessThan(1000);
  });

  it('follows the other end to the address that it has moved to', async () => {
    const [one, other] = tracked(await udxPair({ heartbeatMs: 100 }));
    one.stream.write('before');
    await once(other.stream, 'readable');
    expect(String(other.stream.read())).toBe('before');
    await one.socket.rebind?.({ address: '127.0.0.2', port: 0 });
    one.stream.end('after');
    expect(await readText(other.stream)).toBe('after');
    other.stream.end('back');
    expect(await readText(one.stream)).toBe('back');
    expect(other.stream.remote).toEqual(one.socket.local);
    expect(one.socket.local.address).toBe('127.0.0.2');
  });

  it('does not follow whoever copies the other end’s datagrams while that is where it was', async () => {
    const [one, other] = await Promise.all([bindLoopback(), bindLoopback()]);
    open.push(one, other);
    // All that `one` sends passes through here, and is forwarded from another address as well, first of all.
    const relay = await boundDatagram();
    const thief = await boundDatagram();
    const near = { port: one.local.port };
    let copied = 0;
    relay.on('message', (data, from) => {
      if (from.port === near.port) {
        copied += 1;
        thief.send(data, other.local.port, '127.0.0.1', () => relay.send(data, other.local.port, '127.0.0.1'));
      } else relay.send(data, near.port, '127.0.0.1');
    });
    let asked = 0;
    thief.on('message', (data) => {
      asked += 1;
      relay.send(data, near.port, '127.0.0.1');
    });
    const at: Endpoint = { address: '127.0.0.1', port: relay.address().port };
    const victim = openEnd(one, at, 0, { heartbeatMs: 100 });
    const watched = openEnd(other, at, 1, { heartbeatMs: 100 });
    victim.stream.write('x');
    await once(watched.stream, 'readable');
    await expect.poll(() => asked, { timeout: 4000 }).toBeGreaterThan(1);
    const then = copied;
    // The time it has to decide, and more.
    await expect.poll(() => copied - then, { timeout: 4000 }).toBeGreaterThan(20);
    expect(watched.stream.remote).toEqual(at);
    await Promise.all([one.close(), other.close()]);
    relay.close();
    thief.close();
  });
});

describe('a socket of udx', () => {
  it('sends and receives datagrams that belong to no stream, beside one that does', async () => {
    const messages: string[] = [];
    const [one, other] = await Promise.all([bindLoopback(), bindLoopback((data) => messages.push(String(data)))]);
    open.push(one, other);
    const [left, right] = [openEnd(one, other.local, 0), openEnd(other, one.local, 1)];
    left.stream.write('stream');
    await once(right.stream, 'readable');
    one.send(Buffer.from('datagram'), other.local);
    await expect.poll(() => messages).toEqual(['datagram']);
    expect(String(right.stream.read())).toBe('stream');
  });

  it('rejects an address that is not this machine’s', async () => {
    const created = createUdx({ clock: systemClock, random: systemRandom });
    const binding = created.udp?.bind({ local: { address: '192.0.2.1', port: 0 }, onMessage: () => {} });
    await expect(binding).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
  });

  it('gives its descriptors back when it closes, streams or not', async () => {
    const before = openSockets();
    for (let round = 0; round < 5; round++) {
      const ends = await udxPair();
      ends[0].stream.write('x');
      await once(ends[1].stream, 'readable');
      await Promise.all(ends.map(({ socket }) => socket.close()));
    }
    await expect.poll(openSockets).toBe(before);
  });

  it('keeps no process alive once it is closed', async () => {
    const program = `
      import { once } from 'node:events';
      import { udxPair } from './test/native/udx-pair.ts';
      const [one, other] = await udxPair();
      one.stream.write('x');
      await once(other.stream, 'readable');
      await Promise.all([one.socket.close(), other.socket.close()]);
      console.log('closed');`;
    const argv = ['--import', 'tsx', '--input-type=module', '--eval', program];
    const { stdout } = await promisify(execFile)(process.execPath, argv, { timeout: 20_000 });
    expect(stdout).toBe('closed\n');
  }, 30_000);
});

describe('a machine without a build of udx', () => {
  it('is told why there is no reliability layer', () => {
    const loaded = loadUdx(() => {
      throw new Error('Cannot find addon.\nmore');
    });
    const created = createUdx({ clock: systemClock, random: systemRandom, loaded });
    expect(created).toEqual({ reason: expect.stringMatching(/^udx-native has no build .* \(Cannot find addon\)\.$/) });
  });
});

/** A pair whose datagrams pass through a relay; when that closes, they are lost. */
async function relayedPair(settings: Parameters<typeof udxPair>[0]) {
  const [one, other] = await Promise.all([bindLoopback(), bindLoopback()]);
  open.push(one, other);
  const relay = await boundDatagram();
  relay.on('message', (data, { port }) =>
    relay.send(data, port === one.local.port ? other.local.port : one.local.port, '127.0.0.1'),
  );
  const at = { address: '127.0.0.1', port: relay.address().port };
  return { ends: [openEnd(one, at, 0, settings), openEnd(other, at, 1, settings)] as const, relay };
}

/** As udx writes it: magic, version, DESTROY, no data; stream id, window, sequence and acknowledgement, little-endian. */
async function forgeReset(port: number, streamId: number): Promise<void> {
  const reset = Buffer.alloc(20);
  reset.set([0xff, 1, 16, 0]);
  reset.writeUInt32LE(streamId, 4);
  const forger = await boundDatagram();
  await new Promise((resolve) => forger.send(reset, port, '127.0.0.1', resolve));
  forger.close();
}

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

function openSockets(): number {
  return readdirSync('/proc/self/fd').length;
}

async function boundDatagram(): Promise<dgram.Socket> {
  const socket = dgram.createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}
