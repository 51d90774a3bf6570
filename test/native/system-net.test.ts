import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ByteStream, Listener } from '../../src/core/net.js';
import { createSystemNet } from '../../src/native/system-net.js';
import { builtAddon } from './built-addon.js';
import { connectedPair, eventually, freePort, openSockets, readAll, silentPort } from './loopback.js';

const addon = builtAddon();
const loopbacks = ['127.0.0.1', '::1'];

describe.each([
  { name: 'with the addon', system: createSystemNet({ addon }) },
  { name: 'on Node alone', system: createSystemNet() },
])('the system’s sockets $name', ({ system }) => {
  let socketsBefore: number;
  let folder: string;

  beforeEach(() => {
    socketsBefore = openSockets();
    folder = mkdtempSync(path.join(tmpdir(), 'ratatoskr-net-'));
  });

  // Every test of this suite is a test for leaks, too.
  afterEach(async () => {
    rmSync(folder, { recursive: true });
    await eventually(() => openSockets() <= socketsBefore);
  });

  const ignore = (stream: ByteStream) => void stream.destroy();

  describe('TCP', () => {
    it.each(loopbacks)('carries bytes both ways over %s and knows both addresses', async (address) => {
      const { listener, client, server } = await connectedPair(system, address);
      expect([client.remoteAddress, client.remotePort]).toEqual([address, listener.local?.port]);
      expect([server.remoteAddress, server.remotePort]).toEqual([client.localAddress, client.localPort]);
      client.end('to the server');
      server.end('to the client');
      expect(await Promise.all([readAll(server), readAll(client)])).toEqual(['to the server', 'to the client']);
      await listener.close();
    });

    it('goes on sending after the other end has finished, whichever end that is', async () => {
      for (const firstToFinish of ['client', 'server'] as const) {
        const { listener, client, server } = await connectedPair(system);
        const [first, second] = firstToFinish === 'client' ? [client, server] : [server, client];
        first.end('done');
        expect(await readAll(second)).toBe('done');
        second.end('not yet');
        expect(await readAll(first)).toBe('not yet');
        await listener.close();
      }
    });

    it('keeps what arrives until the owner reads', async () => {
      const { listener, client, server } = await connectedPair(system);
      client.end('early');
      await new Promise((resolve) => client.once('finish', resolve));
      await setImmediate();
      expect(await readAll(server)).toBe('early');
      server.end();
      await readAll(client);
      await listener.close();
    });

    it('survives a reset that comes before the owner listens for errors', async () => {
      const { listener, client, server } = await connectedPair(system);
      (server as net.Socket).resetAndDestroy();
      await new Promise((resolve) => client.once('close', resolve));
      expect(client.errored).toMatchObject({ code: 'ECONNRESET' });
      await listener.close();
    });

    it('names the refusal of a closed port', async () => {
      const remote = { address: '127.0.0.1', port: await freePort() };
      await expect(system.connectTcp({ remote, timeoutMs: 5000 })).rejects.toMatchObject({
        code: 'ECONNREFUSED',
        syscall: 'connect',
        errno: -111,
        message: `connect ECONNREFUSED 127.0.0.1:${remote.port}`,
      });
    });

    it('names a source address that is not ours', async () => {
      const remote = { address: '127.0.0.1', port: 9 };
      const local = { address: '192.0.2.1' };
      await expect(system.connectTcp({ remote, local, timeoutMs: 5000 })).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
    });

    it.each(['localhost', '1.2.3', 'fe80::1%no-such-interface'])('dials addresses only, not %s', async (address) => {
      const connecting = system.connectTcp({ remote: { address, port: 9 }, timeoutMs: 5000 });
      await expect(connecting).rejects.toMatchObject({ code: 'EINVAL' });
    });

    it('gives up at the deadline', async () => {
      const silent = await silentPort(addon);
      const remote = { address: '127.0.0.1', port: silent.port };
      await expect(system.connectTcp({ remote, timeoutMs: 20 })).rejects.toMatchObject({
        code: 'ETIMEDOUT',
        syscall: 'connect',
        message: expect.stringContaining(`127.0.0.1:${silent.port}`),
      });
      silent.close();
    });

    it('rejects with the signal’s reason and closes the socket when it is aborted', async () => {
      const silent = await silentPort(addon);
      const sockets = openSockets();
      const abort = new AbortController();
      const remote = { address: '127.0.0.1', port: silent.port };
      const connecting = system.connectTcp({ remote, timeoutMs: 60_000, signal: abort.signal });
      await setImmediate();
      expect(openSockets()).toBe(sockets + 1);
      abort.abort(new Error('called off'));
      expect(openSockets()).toBe(sockets);
      await expect(connecting).rejects.toThrow('called off');
      silent.close();
    });

    it('opens nothing for a signal that is aborted already', async () => {
      const connecting = system.connectTcp({
        remote: { address: '127.0.0.1', port: 9 },
        timeoutMs: 5000,
        signal: AbortSignal.abort(new Error('too late')),
      });
      expect(openSockets()).toBe(socketsBefore);
      await expect(connecting).rejects.toThrow('too late');
    });

    it.each(loopbacks)('dials two remotes from one local port of %s', async (address) => {
      const listeners = await Promise.all([0, 1].map(() => system.listenTcp({ local: { address, port: 0 }, onStream: ignore })));
      const local = { address, port: await freePort(address) };
      const streams = await Promise.all(
        listeners.map(({ local: at }) => system.connectTcp({ remote: { address, port: at?.port ?? 0 }, local, timeoutMs: 5000 })),
      );
      expect(streams.map((stream) => stream.localPort)).toEqual([local.port, local.port]);
      for (const stream of streams) stream.destroy();
      await Promise.all(listeners.map((listener) => listener.close()));
    });

    it('makes one stream of two connects that cross (simultaneous open)', async () => {
      const address = '127.0.0.1';
      const local = { address, port: await freePort() };
      // The first SYN is dropped, as by the other side's firewall, so that both ends are connecting when the second goes out.
      const silent = await silentPort(addon);
      const remote = { address, port: silent.port };
      const connectingFirst = system.connectTcp({ remote, local, sharePort: true, timeoutMs: 5000 });
      await setImmediate();
      silent.close();
      const second = await system.connectTcp({ remote: local, local: remote, sharePort: true, timeoutMs: 5000 });
      const first = await connectingFirst;
      first.end('from the first');
      second.end('from the second');
      expect(await Promise.all([readAll(first), readAll(second)])).toEqual(['from the second', 'from the first']);
    });

    it('connects 500 times at once', async () => {
      const accepted: ByteStream[] = [];
      const listener = await system.listenTcp({
        local: { address: '127.0.0.1', port: 0 },
        onStream: (stream) => accepted.push(stream),
      });
      const remote = { address: '127.0.0.1', port: listener.local?.port ?? 0 };
      const { signal } = new AbortController();
      const streams = await Promise.all(
        Array.from({ length: 500 }, () => system.connectTcp({ remote, timeoutMs: 20_000, signal })),
      );
      await eventually(() => accepted.length === 500);
      expect(new Set(streams.map((stream) => stream.localPort)).size).toBe(500);
      for (const stream of [...streams, ...accepted]) stream.destroy();
      await listener.close();
    });

    it('refuses a port that is taken', async () => {
      const { listener, client, server } = await connectedPair(system);
      const local = { address: '127.0.0.1', port: listener.local?.port ?? 0 };
      await expect(system.listenTcp({ local, onStream: ignore })).rejects.toMatchObject({ code: 'EADDRINUSE' });
      client.destroy();
      server.destroy();
      await listener.close();
    });

    it('leaves IPv4 to others when it listens on IPv6', async () => {
      const six = await system.listenTcp({ local: { address: '::', port: 0 }, onStream: ignore });
      const local = { address: '0.0.0.0', port: six.local?.port ?? 0 };
      const four = await system.listenTcp({ local, onStream: ignore });
      expect(four.local).toEqual(local);
      await Promise.all([four.close(), six.close()]);
    });

    it('frees the port on close while an accepted stream lives on', async () => {
      const { listener, client, server } = await connectedPair(system);
      await listener.close();
      await listener.close();
      const again = await system.listenTcp({ local: listener.local ?? { address: '', port: 0 }, onStream: ignore });
      client.end('still here');
      server.end();
      expect(await Promise.all([readAll(server), readAll(client)])).toEqual(['still here', '']);
      await again.close();
    });
  });

  describe('unix sockets', () => {
    const listen = (file: string, options: { mode?: number; uid?: number } = {}): Promise<[Listener, Promise<ByteStream>]> => {
      let accept: (stream: ByteStream) => void = () => {};
      const accepted = new Promise<ByteStream>((resolve) => {
        accept = resolve;
      });
      return system.listenUnix({ path: file, ...options, onStream: accept }).then((listener) => [listener, accepted]);
    };

    it('carry bytes both ways and half-close', async () => {
      const file = path.join(folder, 'a.sock');
      const [listener, accepted] = await listen(file);
      const client = await system.connectUnix(file, { timeoutMs: 5000 });
      const server = await accepted;
      client.end('question');
      expect(await readAll(server)).toBe('question');
      server.end('answer');
      expect(await readAll(client)).toBe('answer');
      expect(listener.local).toBeUndefined();
      await listener.close();
    });

    it.each([undefined, 0o600, 0o660, 0o666])('have the mode that was asked for (%s), whatever the umask', async (mode) => {
      const file = path.join(folder, 'm.sock');
      const [listener] = await listen(file, mode === undefined ? {} : { mode });
      expect(statSync(file).mode & 0o777).toBe(mode ?? 0o600);
      await listener.close();
    });

    it('can belong to their own user', async () => {
      const file = path.join(folder, 'u.sock');
      const uid = process.getuid?.() ?? 0;
      const [listener] = await listen(file, { uid });
      expect(statSync(file).uid).toBe(uid);
      await listener.close();
    });

    it('are removed on close, and nothing else is in their folder', async () => {
      const file = path.join(folder, 'gone.sock');
      const [listener] = await listen(file);
      await listener.close();
      await listener.close();
      expect(statSync(file, { throwIfNoEntry: false })).toBeUndefined();
      expect(readdirSync(folder)).toEqual([]);
    });

    it('do not replace what is there, nor remove it on close when it came later', async () => {
      const file = path.join(folder, 'taken.sock');
      const [listener] = await listen(file);
      await expect(listen(file)).rejects.toMatchObject({ code: 'EADDRINUSE' });
      rmSync(file);
      writeFileSync(file, 'somebody else’s');
      await listener.close();
      expect(statSync(file).isFile()).toBe(true);
    });

    it('name what is wrong with the path', async () => {
      const missing = path.join(folder, 'none', 'x.sock');
      await expect(listen(missing)).rejects.toMatchObject({ code: expect.stringMatching(/^(ENOENT|EACCES)$/) });
      await expect(system.connectUnix(missing, { timeoutMs: 5000 })).rejects.toMatchObject({ code: 'ENOENT' });
    });
  });

  it('returns IP literals as they are and looks names up', async () => {
    expect(await system.resolve('fe80::1%eth0', {})).toEqual(['fe80::1%eth0']);
    expect(await system.resolve('localhost', {})).toEqual(expect.arrayContaining([expect.stringMatching(/^(127\.|::1$)/)]));
  });

  it('stops waiting for a name when it is aborted', async () => {
    const abort = new AbortController();
    const resolving = system.resolve('localhost', { signal: abort.signal });
    abort.abort(new Error('called off'));
    await expect(resolving).rejects.toThrow('called off');
  });

  it('lists the interfaces with their prefixes', () => {
    expect(system.interfaces()).toContainEqual({
      name: 'lo',
      address: '127.0.0.1',
      family: 4,
      prefixLength: 8,
      internal: true,
    });
  });

  it('gives link-local addresses a scope, and nothing else', () => {
    for (const { name, address } of system.interfaces()) {
      expect(address.endsWith(`%${name}`)).toBe(/^fe[89ab]/i.test(address));
    }
  });
});
