import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseAdminUri } from '../../../src/core/admin/admin-uri.js';
import { openAdminConnection } from '../../../src/core/admin/open-connection.js';
import { openPeerJournal } from '../../../src/core/admin/peer-journal.js';
import { systemClock } from '../../../src/core/clock.js';
import { addressOf } from '../../../src/core/overlay-address.js';
import { EventRecord } from '../../unit/admin-fake.js';
import { poll } from '../poll.js';
import { LoopbackRouter, net, peerOf } from './loopback-router.js';
import { UnixCrossing } from './unix-crossing.js';

/** A router that another one has dialled: its link to that one is inbound. */
async function routerWithInboundLink() {
  const router = await LoopbackRouter.start({ listen: ['tcp://127.0.0.1:0'] });
  const port = /listener started on 127\.0\.0\.1:(\d+)/.exec(router.output)?.[1];
  const dialler = await LoopbackRouter.start({ peers: [`tcp://127.0.0.1:${port}`] });
  const client = await router.client();
  const inbound = await poll('the dialler is in', async () =>
    (await client.router.peers()).find((peer) => peer.key === dialler.key),
  );
  if (inbound.uri === undefined) throw new Error('the inbound link has no URI');
  return { router, dialler, client, inbound, uri: inbound.uri };
}

/** Two routers that each dial their end of a crossing, with the pins and passwords asked for. */
async function pair(options: { pin?: string; passwords?: readonly [string, string] } = {}) {
  const [left, right] = [await LoopbackRouter.start(), await LoopbackRouter.start()];
  const crossing = await UnixCrossing.open(left.folder);
  const [secretLeft, secretRight] = options.passwords ?? ['same', 'same'];
  const uris = [
    `unix://${crossing.paths[0]}?key=${options.pin ?? right.key}&password=${secretLeft}&maxbackoff=5s`,
    `unix://${crossing.paths[1]}?key=${left.key}&password=${secretRight}&maxbackoff=5s`,
  ] as const;
  const clients = [await left.client(), await right.client()] as const;
  await Promise.all([clients[0].router.addPeer(uris[0]), clients[1].router.addPeer(uris[1])]);
  return { left, right, crossing, uris, clients };
}

describe('a real router', () => {
  it('says who it is, and its address derives from its key', async () => {
    const router = await LoopbackRouter.start();
    const { router: client } = await router.client();
    expect(client.self).toMatchObject({ key: router.key, address: addressOf(router.key) });
    expect(await client.sessions()).toEqual([]);
    expect(await client.peers()).toEqual([]);
  });

  it('has its restarts noticed', async () => {
    const router = await LoopbackRouter.start();
    const { events } = await router.client();
    await router.restart();
    await events.next('router.lost');
    expect((await events.next('router.connected', 2)).key).toBe(router.key);
  });

  it('tells nothing but an error of a call that it does not know, and goes on', async () => {
    const router = await LoopbackRouter.start();
    const signal = new AbortController().signal;
    const { connection } = await openAdminConnection(parseAdminUri(router.admin), { net, clock: systemClock, signal });
    await expect(connection.call('getNothing', {}, () => undefined)).rejects.toMatchObject({
      code: 'ADMIN_REFUSED',
      message: expect.stringContaining('unknown action'),
    });
    expect(await connection.call('getSelf', {}, () => 'answered')).toBe('answered');
    connection.close();
  });
});

describe('an inbound link', () => {
  it('crashes yggdrasil 0.5.14 when it is removed, which is why we never ask', async () => {
    const { router, uri } = await routerWithInboundLink();
    const signal = new AbortController().signal;
    const { connection } = await openAdminConnection(parseAdminUri(router.admin), { net, clock: systemClock, signal });
    await expect(connection.call('removePeer', { uri }, () => undefined)).rejects.toMatchObject({ code: 'ADMIN_CLOSED' });
    await router.ended();
    expect(router.output).toContain('panic');
  });

  it('is left alone by us, even where the journal says it was ours', async () => {
    const { router, dialler, client, uri } = await routerWithInboundLink();
    await expect(client.router.removePeer(uri)).rejects.toMatchObject({ code: 'PEER_NOT_OURS' });
    await client.journal.put(uri);
    await expect(client.router.removePeer(uri)).rejects.toMatchObject({
      code: 'PEER_NOT_OURS',
      message: expect.stringContaining('inbound'),
    });
    expect((await client.router.peers()).map(({ key }) => key)).toEqual([dialler.key]);
    expect(router.alive).toBe(true);
  });

  it('is not removed as a leftover either', async () => {
    const { router, uri } = await routerWithInboundLink();
    const folder = join(router.folder, 'earlier');
    await (await openPeerJournal(folder, new EventRecord().source)).put(uri);
    const { router: client, events, journal } = await router.client(folder);
    await poll('it was looked at', () => events.logs().includes('router.leftover.stays') || undefined);
    expect(await client.peers()).toHaveLength(1);
    expect(journal.entries()).toEqual([]);
    expect(router.alive).toBe(true);
  });
});

describe('a peering', () => {
  it('is up before its handshake has ended, but has no key then', async () => {
    const held: Socket[] = [];
    const silent = createServer((socket) => held.push(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      for (const socket of held) socket.destroy();
      silent.close();
    });
    const { port } = silent.address() as { port: number };
    const { router } = await (await LoopbackRouter.start()).client();
    const uri = `tcp://127.0.0.1:${port}`;
    await router.addPeer(uri);
    expect(await peerOf(router, uri, ({ up }) => up)).toMatchObject({ key: undefined, inbound: false });
  });

  it('over tcp://0.0.0.0 never comes about', async () => {
    const { router } = await (await LoopbackRouter.start()).client();
    const uri = 'tcp://0.0.0.0:9';
    await router.addPeer(uri);
    const { up, lastError } = await peerOf(router, uri, (peer) => peer.lastError !== undefined);
    expect({ up, lastError }).toEqual({ up: false, lastError: 'peer has no suitable addresses' });
  });

  it('is the same whatever its query', async () => {
    const { router, journal } = await (await LoopbackRouter.start()).client();
    await router.addPeer('tcp://127.0.0.1:9?password=a');
    await expect(router.addPeer('tcp://127.0.0.1:9?password=b')).rejects.toMatchObject({
      code: 'ADMIN_REFUSED',
      message: expect.stringContaining('peer is already configured'),
    });
    expect(journal.entries()).toEqual(['tcp://127.0.0.1:9']);
  });

  it('of the operator is neither taken over nor removed', async () => {
    const uri = 'tcp://127.0.0.1:9';
    const { router } = await (await LoopbackRouter.start({ peers: [uri] })).client();
    await expect(router.addPeer(`${uri}?password=a`)).rejects.toMatchObject({ code: 'ADMIN_REFUSED' });
    await expect(router.removePeer(uri)).rejects.toMatchObject({ code: 'PEER_NOT_OURS' });
    expect((await router.peers()).map((peer) => peer.uri)).toEqual([uri]);
  });

  it.each([
    'ftp://127.0.0.1:9',
    'tcp://127.0.0.1:9?maxbackoff=1s',
    'tcp://127.0.0.1:9?key=xy',
    'tcp://127.0.0.1:port?password=secret',
  ])('that the router refuses leaves no trace: %s', async (uri) => {
    const { router, journal } = await (await LoopbackRouter.start()).client();
    const error: unknown = await router.addPeer(uri).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ADMIN_REFUSED', message: expect.not.stringContaining('secret') });
    expect(journal.entries()).toEqual([]);
    expect(await router.peers()).toEqual([]);
  });

  it.each([
    "unix:///tmp/it's.sock",
    'unix:///tmp/a%20b.sock',
    'unix:///tmp/(a)[b]!$&*+,;=:@~.sock',
    'tcp://[::1]:9',
    'quic://127.0.0.1:9',
  ])('is listed under the text we know it by: %s', async (uri) => {
    const { router } = await (await LoopbackRouter.start()).client();
    await router.addPeer(`${uri}?maxbackoff=5s`);
    expect((await router.peers()).map((peer) => peer.uri)).toEqual([uri]);
    await router.removePeer(uri);
    await poll('it is gone', async () => ((await router.peers()).length === 0 ? true : undefined));
  });
});

describe('a peering over unix sockets that both routers dial', () => {
  it('comes up at both ends with the pinned key, and is nobody’s inbound link', async () => {
    const { left, right, clients, uris } = await pair();
    const up = { up: true, inbound: false };
    expect(await peerOf(clients[0].router, uris[0], ({ key }) => key !== undefined)).toMatchObject({ ...up, key: right.key });
    expect(await peerOf(clients[1].router, uris[1], ({ key }) => key !== undefined)).toMatchObject({ ...up, key: left.key });
  });

  it('is dialled anew after a drop', async () => {
    const { right, clients, uris, crossing } = await pair();
    await peerOf(clients[0].router, uris[0], ({ key }) => key !== undefined);
    crossing.drop();
    await peerOf(clients[0].router, uris[0], ({ up }) => !up);
    expect(await peerOf(clients[0].router, uris[0], ({ key }) => key !== undefined)).toMatchObject({ up: true, key: right.key });
    expect(crossing.crossed).toBe(2);
  });

  it('is closed at once by its removal, at both ends', async () => {
    const { clients, uris } = await pair();
    await peerOf(clients[1].router, uris[1], ({ key }) => key !== undefined);
    await clients[0].router.removePeer(uris[0]);
    await poll('the left end is gone', async () => ((await clients[0].router.peers()).length === 0 ? true : undefined), {
      timeoutMs: 1500,
    });
    const { lastError } = await peerOf(clients[1].router, uris[1], ({ up }) => !up);
    expect(lastError).toBeDefined();
  });

  it('may be removed twice', async () => {
    const { clients, uris } = await pair();
    await clients[0].router.removePeer(uris[0]);
    await clients[0].journal.put(uris[0].split('?')[0] ?? '');
    await clients[0].router.removePeer(uris[0]);
    expect(clients[0].journal.entries()).toEqual([]);
  });

  it('is forgotten when the router restarts, and its removal then succeeds', async () => {
    const { left, clients, uris } = await pair();
    await left.restart();
    await clients[0].events.next('router.connected', 2);
    expect(await clients[0].router.peers()).toEqual([]);
    await clients[0].router.removePeer(uris[0]);
    expect(clients[0].journal.entries()).toEqual([]);
  });

  it('never has a key when another one is pinned', async () => {
    const { clients, uris } = await pair({ pin: 'ab'.repeat(32) });
    const { key, lastError } = await peerOf(clients[0].router, uris[0], (peer) => peer.lastError !== undefined);
    expect({ key, lastError }).toEqual({ key: undefined, lastError: 'node public key that does not match pinned keys' });
  });

  it('never has a key when the passwords differ', async () => {
    const { clients, uris } = await pair({ passwords: ['one', 'two'] });
    const ends = await Promise.all(
      ([0, 1] as const).map((end) => peerOf(clients[end].router, uris[end], (peer) => peer.lastError !== undefined)),
    );
    expect(ends.map(({ key }) => key)).toEqual([undefined, undefined]);
  });
});

describe('the journal', () => {
  it('lets the next run remove what a killed one left', async () => {
    const router = await LoopbackRouter.start();
    const folder = join(router.folder, 'state');
    const peer = 'tcp://127.0.0.1:9';
    const script = new URL('./add-and-wait.ts', import.meta.url).pathname;
    const child = spawn(process.execPath, ['--import', 'tsx', script, router.admin, folder, `${peer}?password=secret`]);
    onTestFinished(() => void child.kill('SIGKILL'));
    const [said] = (await once(child.stdout, 'data')) as [Buffer];
    expect(said.toString()).toBe('added\n');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await readFile(join(folder, 'peers.json'), 'utf8')).not.toContain('secret');

    const { router: client, events, journal } = await router.client(folder);
    expect((await events.next('leftovers.removed')).peers).toEqual([peer]);
    await poll('it is gone', async () => ((await client.peers()).length === 0 ? true : undefined));
    expect(journal.entries()).toEqual([]);
  });
});
