import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import type net from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import type { KernelTunnel, OpenTunnelOptions } from '../../src/core/kernel-tunnel.js';
import type { Endpoint } from '../../src/core/net.js';
import { systemRandom } from '../../src/core/random.js';
import { createKernelTunnels, maxTunnels } from '../../src/native/tunnel/kernel-tunnels.js';
import { builtAddon } from './built-addon.js';
import { eventually, openFiles } from './loopback.js';

const addon = builtAddon();
const root = fileURLToPath(new URL('../..', import.meta.url));
const tunnels = createKernelTunnels({ addon, clock: systemClock, random: systemRandom });
const lack = await tunnels.lack();

const key = new Uint8Array(32).fill(7);
const tags = [new Uint8Array(8).fill(1), new Uint8Array(8).fill(2)] as const;
const ids = [0x1234abcd, 0xfedc4321] as const;

let filesBefore: number;
const paths: KernelTunnel[] = [];
const relays: { close(): Promise<void> }[] = [];
beforeEach(() => {
  filesBefore = lasting().length;
});
// Every test is a test for leaks, too.
afterEach(async () => {
  for (const { stream } of paths.splice(0)) stream.destroy();
  await Promise.all(relays.splice(0).map((relay) => relay.close()));
  await eventually(() => lasting().length <= filesBefore);
});

/** What a tunnel takes; the thread's own stay with the first. */
const lasting = () => openFiles().filter((target) => target.startsWith('socket:') || target.includes('/net/tun'));

async function bind(address = '127.0.0.1'): Promise<{ local: Endpoint; release: () => Promise<void> }> {
  const socket = dgram.createSocket(address.includes(':') ? 'udp6' : 'udp4').bind(0, address);
  await once(socket, 'listening');
  let closed: Promise<void> | undefined;
  const release = () => {
    closed ??= new Promise<void>((resolve) => socket.close(() => resolve()));
    return closed;
  };
  return { local: { address, port: socket.address().port }, release };
}

type Bound = Awaited<ReturnType<typeof bind>>;

function open(side: 0 | 1, bound: Bound, remote: Endpoint, more: Partial<OpenTunnelOptions> = {}): Promise<KernelTunnel> {
  const other = side === 0 ? 1 : 0;
  return tunnels.open({
    ...bound,
    remote,
    listens: side === 0,
    localId: ids[side],
    remoteId: ids[other],
    key,
    ownTag: tags[side],
    peerTag: tags[other],
    onMessage: () => {},
    signal: new AbortController().signal,
    ...more,
  });
}

/** @param between what stands between the two: by default nothing */
async function pair(between?: (a: Endpoint, b: Endpoint) => Promise<[Endpoint, Endpoint]>, address?: string) {
  const [a, b] = [await bind(address), await bind(address)];
  const [toB, toA] = between ? await between(a.local, b.local) : [b.local, a.local];
  const ends = await Promise.all([open(0, a, toB), open(1, b, toA)]);
  paths.push(...ends);
  return {
    ends,
    streams: ends.map(({ stream }) => stream as net.Socket) as [net.Socket, net.Socket],
    locals: [a.local, b.local] as const,
  };
}

/** A middlebox: two ports, and what goes through. */
async function middlebox(a: Endpoint, b: Endpoint, pass: () => boolean) {
  const [forA, forB] = [dgram.createSocket('udp4'), dgram.createSocket('udp4')];
  for (const socket of [forA, forB]) {
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    socket.setRecvBufferSize(4 << 20);
  }
  let [sinkA, sinkB] = [a, b];
  forA.on('message', (data, from) => {
    sinkA = from;
    if (pass()) forB.send(data, sinkB.port, sinkB.address);
  });
  forB.on('message', (data, from) => {
    sinkB = from;
    if (pass()) forA.send(data, sinkA.port, sinkA.address);
  });
  const at = (socket: dgram.Socket): Endpoint => ({ address: '127.0.0.1', port: socket.address().port });
  const close = async () => {
    for (const socket of [forA, forB]) await new Promise<void>((resolve) => socket.close(() => resolve()));
  };
  relays.push({ close });
  return { forA: at(forA), forB: at(forB) };
}

const sha256 = (data: Buffer) => createHash('sha256').update(data).digest('hex');

async function hashOf(stream: net.Socket): Promise<string> {
  const hash = createHash('sha256');
  stream.on('data', (chunk: Buffer) => hash.update(chunk));
  await once(stream, 'end');
  return hash.digest('hex');
}

async function exchange([left, right]: readonly [net.Socket, net.Socket], bytes: number) {
  const data = [randomBytes(bytes), randomBytes(bytes)] as const;
  const hashes = Promise.all([hashOf(left), hashOf(right)]);
  left.end(data[0]);
  right.end(data[1]);
  expect(await hashes).toEqual([sha256(data[1]), sha256(data[0])]);
}

describe.skipIf(lack !== undefined)('a tunnel of the kernel’s TCP', () => {
  it.each(['127.0.0.1', '::1'])('carries 16 MiB both ways at once over %s, to the end of both halves', async (address) => {
    const { streams } = await pair(undefined, address);
    await exchange(streams, 16 << 20);
  });

  it('keeps one half open after the other has ended', async () => {
    const { streams } = await pair();
    const [left, right] = streams;
    left.end('first');
    expect(await hashOf(right)).toBe(sha256(Buffer.from('first')));
    right.end('second');
    expect(await hashOf(left)).toBe(sha256(Buffer.from('second')));
  });

  it('makes up for lost datagrams', async () => {
    let count = 0;
    const { streams } = await pair(async (a, b) => {
      const { forA, forB } = await middlebox(a, b, () => ++count % 30 !== 0);
      return [forA, forB];
    });
    await exchange(streams, 4 << 20);
    expect(count).toBeGreaterThan(5000);
  });

  it('is not disturbed by strangers', async () => {
    const messages: Buffer[] = [];
    const [a, b] = [await bind(), await bind()];
    const ends = await Promise.all([open(0, a, b.local, { onMessage: (data) => messages.push(data) }), open(1, b, a.local)]);
    paths.push(...ends);
    const stranger = dgram.createSocket('udp4');
    relays.push({ close: async () => void stranger.close() });
    const shoot = async (data: Uint8Array) => {
      await new Promise((resolve) => stranger.send(data, a.local.port, a.local.address, resolve));
    };
    const streams = ends.map(({ stream }) => stream as net.Socket) as [net.Socket, net.Socket];
    // Before the others, which fill the socket's buffer: a datagram that finds it full is lost.
    await shoot(Buffer.from('for the owner'));
    await eventually(() => messages.some((data) => data.toString() === 'for the owner'));
    const exchanged = exchange(streams, 4 << 20);
    for (let i = 0; i < 500; i++) {
      // Even with the right tag it comes from elsewhere.
      await shoot(Buffer.concat([tags[1], randomBytes(i % 90)]));
      await shoot(randomBytes(i));
    }
    await exchanged;
  });

  it('takes any segment of its peer’s without harm', async () => {
    const [a, b] = [await bind(), await bind()];
    const opening = open(0, a, b.local, { signal: AbortSignal.timeout(1500) });
    const hostile = dgram.createSocket('udp4');
    await b.release();
    hostile.bind(b.local.port, '127.0.0.1');
    await once(hostile, 'listening');
    for (let i = 0; i < 2000; i++) {
      const segment = randomBytes(i % 200);
      hostile.send(Buffer.concat([tags[1], segment]), a.local.port, a.local.address);
    }
    await expect(opening).rejects.toThrow();
    hostile.close();
  });

  it('follows its peer to another port', async () => {
    let box: Awaited<ReturnType<typeof middlebox>> | undefined;
    const { ends, streams, locals } = await pair(async (a, b) => {
      box = await middlebox(a, b, () => true);
      return [box.forA, box.forB];
    });
    const [left, right] = streams;
    right.resume();
    left.write('before');
    await relays.splice(0)[0]?.close();
    // What b sends comes to a from another port now; a is told by nothing but that.
    const moved = await middleboxAt(box?.forB.port ?? 0, locals);
    left.end(randomBytes(1 << 20));
    await once(right, 'end');
    expect(ends[0]?.remote).toEqual(moved);
  });

  it('ends in 2 to 5 s when its peer vanishes', async () => {
    let passes = true;
    const { streams } = await pair(async (a, b) => {
      const { forA, forB } = await middlebox(a, b, () => passes);
      return [forA, forB];
    });
    passes = false;
    const errors = await Promise.all(streams.map(async (stream) => (await once(stream, 'error'))[0] as NodeJS.ErrnoException));
    expect(errors.map(({ code }) => code)).toEqual(['ETIMEDOUT', 'ETIMEDOUT']);
  });

  it('ends at both ends when one destroys it', async () => {
    const { streams } = await pair();
    const [left, right] = streams;
    right.resume();
    left.destroy();
    await Promise.race([once(right, 'end'), once(right, 'error')]);
  });

  it('is given up when its attempt is called off', async () => {
    const [a, b] = [await bind(), await bind()];
    const over = new AbortController();
    const release = async () => {
      await a.release();
      setImmediate(() => over.abort(new Error('called off')));
    };
    const opening = open(0, { ...a, release }, b.local, { signal: over.signal });
    await expect(opening).rejects.toThrow('called off');
    await b.release();
  });

  it('is refused beyond the number that may be open, and had again afterwards', { timeout: 60_000 }, async () => {
    const over = new AbortController();
    const peer = { address: '127.0.0.1', port: 9 };
    // Whose attempt is over before the port changes hands keeps it.
    const bound: Bound[] = [];
    for (let count = 0; count < maxTunnels; count++) bound.push(await bind());
    const openings = bound.map((each) => open(0, each, peer, { signal: over.signal }));
    const settled = Promise.allSettled(openings);
    expect(await tunnels.lack()).toBe('There are 64 tunnels already.');
    const further = await bind();
    await expect(open(0, further, peer)).rejects.toMatchObject({ code: 'EMFILE' });
    await further.release();
    over.abort(new Error('called off'));
    for (const outcome of await settled) expect(outcome.status).toBe('rejected');
    for (const { release } of bound) await release();
    await eventually(() => lasting().length <= filesBefore);
    expect(await tunnels.lack()).toBeUndefined();
  });

  it('leaves nothing after fifty of them, and is not to be seen meanwhile', { timeout: 60_000 }, async () => {
    const interfaces = readFileSync('/proc/net/dev', 'utf8').split('\n').length;
    const threads = () => readdirSync('/proc/self/task').length;
    const namespace = threads();
    for (let round = 0; round < 10; round++) {
      const pairs = await Promise.all(Array.from({ length: 5 }, () => pair()));
      expect(readFileSync('/proc/net/dev', 'utf8').split('\n')).toHaveLength(interfaces);
      await Promise.all(pairs.map(({ streams }) => exchange(streams, 1000)));
      for (const { stream } of paths.splice(0)) stream.destroy();
      await eventually(() => lasting().length <= filesBefore);
    }
    expect(threads()).toBeLessThanOrEqual(namespace + 1);
  });
});

/** In the place of a middlebox that is gone: the same port for b, another one for a. */
async function middleboxAt(port: number, [a, b]: readonly [Endpoint, Endpoint]): Promise<Endpoint> {
  const [forA, forB] = [dgram.createSocket('udp4'), dgram.createSocket('udp4')];
  forB.bind(port, '127.0.0.1');
  forA.bind(0, '127.0.0.1');
  await Promise.all([once(forA, 'listening'), once(forB, 'listening')]);
  forB.on('message', (data) => forA.send(data, a.port, a.address));
  forA.on('message', (data) => forB.send(data, b.port, b.address));
  relays.push({
    close: async () => {
      for (const socket of [forA, forB]) await new Promise<void>((resolve) => socket.close(() => resolve()));
    },
  });
  return { address: '127.0.0.1', port: forA.address().port };
}

it('says what is missing where there can be no tunnel', () => {
  const tell = `import { createKernelTunnels } from './src/native/tunnel/kernel-tunnels.ts';
    import { loadAddon } from './src/native/addon.ts';
    console.log(await createKernelTunnels({ addon: loadAddon({}).addon }).lack());`;
  const node = [process.execPath, '--import', 'tsx', '--input-type=module', '-e', tell];
  const forbid = 'echo 0 > /proc/sys/user/max_net_namespaces; exec "$@"';
  const said = execFileSync('unshare', ['--user', '--map-root-user', 'sh', '-c', forbid, 'sh', ...node], {
    cwd: root,
    encoding: 'utf8',
  });
  expect(said).toMatch(/^The system allows no tunnel: .+ failed with E[A-Z]+\.$/m);
});
