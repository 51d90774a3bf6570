import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ByteStream } from '../../src/core/net.js';
import { loadAddon } from '../../src/native/addon.js';
import { createSystemNet } from '../../src/native/system-net.js';
import { builtAddon } from './built-addon.js';
import { connectedPair, eventually, freePort, openFiles, openSockets, readAll, silentPort } from './loopback.js';

const addon = builtAddon();
const root = fileURLToPath(new URL('../..', import.meta.url));
const system = createSystemNet({ addon });

/** A listener that drops what it accepts. */
const sink = (address: string, sharePort = false) =>
  system.listenTcp({ local: { address, port: 0 }, sharePort, onStream: (stream) => void stream.destroy() });

let socketsBefore: number;

beforeEach(() => {
  socketsBefore = openSockets();
});

afterEach(() => eventually(() => openSockets() <= socketsBefore));

describe('one local port for a listener and for connects', () => {
  it.each(['127.0.0.1', '::1'])('serves both on %s', async (address) => {
    const accepted: ByteStream[] = [];
    const onStream = (stream: ByteStream) => void accepted.push(stream);
    const shared = await system.listenTcp({ local: { address, port: 0 }, sharePort: true, onStream });
    const local = shared.local ?? { address, port: 0 };
    const others = await Promise.all([0, 1, 2].map(() => system.listenTcp({ local: { address, port: 0 }, onStream })));

    const outgoing = await Promise.all(
      others.map((other) => system.connectTcp({ remote: other.local ?? local, local, sharePort: true, timeoutMs: 5000 })),
    );
    const incoming = await system.connectTcp({ remote: local, timeoutMs: 5000 });
    await eventually(() => accepted.length === 4);

    expect(outgoing.map((stream) => stream.localPort)).toEqual(others.map(() => local.port));
    expect(accepted.filter((stream) => stream.remotePort === local.port)).toHaveLength(3);
    expect(accepted.filter((stream) => stream.localPort === local.port)).toHaveLength(1);
    for (const stream of [...outgoing, ...accepted, incoming]) stream.destroy();
    await Promise.all([shared, ...others].map((listener) => listener.close()));
  });

  it('is open to later sockets even when the system picked it for a connect', async () => {
    const listener = await sink('127.0.0.1');
    const remote = listener.local ?? { address: '127.0.0.1', port: 0 };
    const first = await system.connectTcp({ remote, sharePort: true, timeoutMs: 5000 });
    const local = { address: '127.0.0.1', port: first.localPort ?? 0 };
    const shared = await system.listenTcp({ local, sharePort: true, onStream: (stream) => void stream.destroy() });
    expect(shared.local).toEqual(local);
    first.destroy();
    await Promise.all([listener.close(), shared.close()]);
  });

  it('is refused to a listener that does not share it', async () => {
    const onStream = (stream: ByteStream) => void stream.destroy();
    const shared = await system.listenTcp({ local: { address: '127.0.0.1', port: 0 }, sharePort: true, onStream });
    const local = shared.local ?? { address: '127.0.0.1', port: 0 };
    await expect(system.listenTcp({ local, onStream })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await shared.close();
  });

  it('is ENOTSUP without the addon', async () => {
    const listening = createSystemNet().listenTcp({
      local: { address: '127.0.0.1', port: 0 },
      sharePort: true,
      onStream: (stream) => void stream.destroy(),
    });
    await expect(listening).rejects.toMatchObject({ code: 'ENOTSUP' });
  });
});

describe('connects that wait', () => {
  it('are told apart, a thousand at once: refused, called off, late', async () => {
    const silent = await silentPort(addon);
    const remote = { address: '127.0.0.1', port: silent.port };
    const abort = new AbortController();
    const attempts = Array.from({ length: 1000 }, (_, i) =>
      system.connectTcp({
        remote: i % 4 === 0 ? { ...remote, port: 1 } : remote,
        timeoutMs: i % 4 === 1 ? 30 : 60_000,
        ...(i % 4 > 1 ? { signal: abort.signal } : {}),
      }),
    );
    const settled = Promise.allSettled(attempts);
    await Promise.allSettled(attempts.filter((_, i) => i % 4 === 1));
    abort.abort(new Error('called off'));
    const outcomes = (await settled).map((outcome) =>
      outcome.status === 'rejected' ? (outcome.reason.code ?? outcome.reason.message) : 'connected',
    );
    const expected = ['ECONNREFUSED', 'ETIMEDOUT', 'called off', 'called off'];
    expect(outcomes).toEqual(outcomes.map((_, i) => expected[i % 4]));
    silent.close();
  });

  it('succeed when the other side lets them in at last', async () => {
    const silent = await silentPort(addon);
    const remote = { address: '127.0.0.1', port: silent.port };
    const connecting = Promise.all(Array.from({ length: 200 }, () => system.connectTcp({ remote, timeoutMs: 20_000 })));
    silent.close();
    // In place before the SYNs are sent again, a second after they were dropped.
    const accepted: ByteStream[] = [];
    const listener = await system.listenTcp({ local: remote, onStream: (stream) => void accepted.push(stream) });
    const streams = await connecting;
    await eventually(() => accepted.length === 200);
    for (const stream of [...streams, ...accepted]) stream.destroy();
    await listener.close();
  });

  it('end with their worker thread', async () => {
    const silent = await silentPort(addon);
    const closedPort = await freePort();
    const before = openFiles().length;
    const worker = new Worker(new URL('./pending-worker.mjs', import.meta.url), {
      workerData: {
        addon: new URL('../../build/Release/ratatoskr.node', import.meta.url).pathname,
        silentPort: silent.port,
        closedPort,
      },
    });
    await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    expect(openFiles().length).toBeGreaterThan(before + 50);
    await worker.terminate();
    await eventually(() => openFiles().length <= before);
    silent.close();
  });
});

describe('a TTL', () => {
  it.each(['127.0.0.1', '::1'])('is taken by the kernel for %s', async (address) => {
    const listener = await sink(address);
    const remote = listener.local ?? { address, port: 0 };
    const stream = await system.connectTcp({ remote, ttl: 1, timeoutMs: 5000 });
    stream.destroy();
    await listener.close();
  });

  it.each([0, 256, Number.NaN])('of %s is refused', async (ttl) => {
    const remote = { address: '127.0.0.1', port: 9 };
    await expect(system.connectTcp({ remote, ttl, timeoutMs: 5000 })).rejects.toThrow('ttl must be a number in range');
  });

  it('is ENOTSUP without the addon, for the probe would arrive', async () => {
    const remote = { address: '127.0.0.1', port: 9 };
    await expect(createSystemNet().connectTcp({ remote, ttl: 3, timeoutMs: 5000 })).rejects.toMatchObject({ code: 'ENOTSUP' });
  });
});

describe('what the kernel knows of a stream', () => {
  it('is who opened a unix socket, on both ends', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'ratatoskr-net-'));
    const file = path.join(folder, 'c.sock');
    let accept: (stream: ByteStream) => void = () => {};
    const accepted = new Promise<ByteStream>((resolve) => {
      accept = resolve;
    });
    const listener = await system.listenUnix({ path: file, onStream: accept });
    const client = await system.connectUnix(file, { timeoutMs: 5000 });
    const server = await accepted;
    const self = { pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() };
    expect(system.peerCredentials(server)).toEqual(self);
    expect(system.peerCredentials(client)).toEqual(self);
    expect(system.tcpInfo(client)).toBeUndefined();
    client.destroy();
    server.destroy();
    expect(system.peerCredentials(client)).toBeUndefined();
    await listener.close();
    rmSync(folder, { recursive: true });
  });

  it('is how a TCP connection fares', async () => {
    const { listener, client, server } = await connectedPair(system);
    server.end(Buffer.alloc(100_000));
    expect(await readAll(client)).toHaveLength(100_000);
    const info = system.tcpInfo(client);
    expect(info?.bytesIn).toBeGreaterThanOrEqual(100_000);
    expect(info?.bytesOut).toBeLessThan(100);
    expect(info?.rttMs).toBeGreaterThan(0);
    expect(info?.rttMs).toBeLessThan(1000);
    expect(info?.segmentsIn).toBeGreaterThan(1);
    expect(info?.segmentsOut).toBeGreaterThan(1);
    expect(info?.retransmits).toBe(0);
    expect(info?.congestion).toMatch(/^[a-z]+$/);
    expect(system.peerCredentials(client)).toBeUndefined();
    client.destroy();
    server.destroy();
    expect(system.tcpInfo(client)).toBeUndefined();
    await listener.close();
  });
});

describe('tuning a connection', () => {
  it('names what took effect', async () => {
    const { listener, client, server } = await connectedPair(system);
    const all = { userTimeoutMs: 4000, keepAliveMs: 15_000, congestion: 'reno' };
    expect(system.tune(client, all)).toEqual(['userTimeoutMs', 'keepAliveMs', 'congestion']);
    expect(system.tcpInfo(client)?.congestion).toBe('reno');
    client.destroy();
    server.destroy();
    expect(system.tune(client, all)).toEqual([]);
    await listener.close();
  });

  it.runIf(existsSync('/proc/sys/net/ipv4/tcp_rto_max_ms'))('bounds the pauses between retransmissions', async () => {
    const { listener, client, server } = await connectedPair(system);
    expect(system.tune(client, { maxRetransmitMs: 1000 })).toEqual(['maxRetransmitMs']);
    expect(system.tune(client, { maxRetransmitMs: 1 })).toEqual([]);
    client.destroy();
    server.destroy();
    await listener.close();
  });

  it('skips a congestion control that the kernel lacks', async () => {
    const { listener, client, server } = await connectedPair(system);
    expect(system.tune(client, { keepAliveMs: 10, congestion: 'nonsense' })).toEqual(['keepAliveMs']);
    client.destroy();
    server.destroy();
    await listener.close();
  });

  it('is down to keepalive without the addon', async () => {
    const plain = createSystemNet();
    const { listener, client, server } = await connectedPair(plain);
    expect(plain.tune(client, { userTimeoutMs: 4000, keepAliveMs: 15_000, congestion: 'reno' })).toEqual(['keepAliveMs']);
    expect(plain.tcpInfo(client)).toBeUndefined();
    client.destroy();
    server.destroy();
    await listener.close();
  });
});

describe('a descriptor', () => {
  it('is handed over once', async () => {
    const descriptor = addon.listenTcp({ address: '127.0.0.1', port: 0 });
    const listener = addon.listenTcp({ address: '127.0.0.1', port: 0 });
    listener.close();
    expect(() => listener.take()).toThrow(expect.objectContaining({ code: 'EBADF' }));
    descriptor.close();
    descriptor.close();
    expect(openSockets()).toBe(socketsBefore);
  });
});

describe('the end of the process', () => {
  it('waits for no thread that the system holds', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'ratatoskr-exit-'));
    const pipe = path.join(folder, 'nobody writes here');
    execFileSync('mkfifo', [pipe]);
    const script = `require('node:fs').open(${JSON.stringify(pipe)}, 'r', () => {});
      process.once('exit', (code) => require('./build/Release/ratatoskr.node').exitNow(code));
      setTimeout(() => process.exit(3), 50);`;
    const child = spawn(process.execPath, ['-e', script], { cwd: root, stdio: 'inherit' });
    const [code] = await once(child, 'exit');
    rmSync(folder, { recursive: true });
    expect(code).toBe(3);
  });
});

describe('loading', () => {
  it('finds the addon and has nothing to complain of', () => {
    const loaded = loadAddon({});
    expect(loaded.addon).toBeDefined();
    expect(createSystemNet(loaded).capabilities).toEqual({ sharedPort: true, peerCredentials: true, tcpTuning: true });
  });

  it('leaves the addon alone with RATATOSKR_NATIVE=off, and says what that costs', () => {
    const loaded = loadAddon({ RATATOSKR_NATIVE: 'off' });
    expect(loaded.addon).toBeUndefined();
    expect(createSystemNet(loaded).capabilities).toEqual({
      sharedPort: false,
      peerCredentials: false,
      tcpTuning: false,
      missing:
        'The native addon is switched off by RATATOSKR_NATIVE=off: no listening and connecting on one port, no peer credentials, no TCP tuning.',
    });
  });
});
