import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AdminRouter } from '../../src/core/admin/admin-router.js';
import { openPeerJournal } from '../../src/core/admin/peer-journal.js';
import type { Clock } from '../../src/core/clock.js';
import { ConfigError } from '../../src/core/errors.js';
import { addressOf } from '../../src/core/overlay-address.js';
import { type AdminRequest, aSelf, EventRecord, FakeAdmin, HeldClock, plainNet, routerKey, scratchFolder } from './admin-fake.js';

const peer = 'unix:///run/ratatoskr/1.sock';
const uri = `${peer}?key=${routerKey}&password=secret&maxbackoff=5s`;

/** A router client on its way, ended with the test. */
async function start(uris: readonly string[], options: { clock?: Clock; folder?: string; fraction?: number } = {}) {
  const clock = options.clock ?? new HeldClock();
  const events = new EventRecord();
  const journal = await openPeerJournal(options.folder ?? (await scratchFolder()), events.source);
  const net = plainNet({ pid: 7, uid: 8, gid: 9 });
  const router = new AdminRouter({
    net,
    clock,
    random: { bytes: (n) => new Uint8Array(n), fraction: () => options.fraction ?? 0.5 },
    events: events.source,
    journal,
    uris,
  });
  const stop = new AbortController();
  const running = router.run(stop.signal);
  const end = () => {
    stop.abort();
    return running;
  };
  onTestFinished(end);
  return { router, clock, events, journal, end };
}

/** The same with a router that is there. */
async function connected(answers?: Readonly<Record<string, unknown>>) {
  const admin = await FakeAdmin.start(answers);
  const clock = new HeldClock();
  const started = await start([admin.uri], { clock });
  await started.events.next('router.connected');
  return { admin, ...started, clock };
}

/** Fires the pause between two tries to connect. */
async function retry(clock: HeldClock): Promise<void> {
  const timer = await clock.timer(1, 4999.9);
  timer.fire();
}

/** A router that was not there is asked nothing before it has all its handlers; fires the end of that time. */
async function started(clock: HeldClock): Promise<void> {
  const timer = await clock.timer(500, 500);
  timer.fire();
}

const peerEntry = (entry: object) => ({ up: true, inbound: false, key: '', port: 0, priority: 0, cost: 0, ...entry });
const named = (admin: FakeAdmin, name: string): AdminRequest[] => admin.requests.filter(({ request }) => request === name);

describe('the router behind its Admin API', () => {
  it('is nobody before it is connected, and then who getSelf says', async () => {
    const admin = await FakeAdmin.start();
    const { router, events } = await start([admin.uri]);
    expect([router.self, router.process]).toEqual([undefined, undefined]);
    await expect(router.sessions()).rejects.toMatchObject({ code: 'ADMIN_UNREACHABLE' });
    expect(await events.next('router.connected')).toMatchObject({
      key: routerKey,
      address: aSelf.address,
      version: '0.5.14',
      admin: admin.uri,
    });
    expect(router.self).toEqual({ key: routerKey, address: aSelf.address, version: '0.5.14' });
    expect(router.process).toMatchObject({ pid: 7, uid: 8 });
  });

  it('is reached over TCP too, where the process is not told', async () => {
    const admin = new FakeAdmin({ host: '127.0.0.1', port: 0 });
    await admin.start();
    onTestFinished(() => admin.stop());
    const { router, events } = await start([`tcp://localhost:${admin.port}`]);
    await events.next('router.connected');
    expect(router.process).toBeUndefined();
    expect(await router.peers()).toEqual([]);
  });

  it('is the first of the sockets that answers', async () => {
    const admin = await FakeAdmin.start();
    const { events } = await start([`unix://${await scratchFolder()}/none.sock`, admin.uri]);
    expect((await events.next('router.connected')).admin).toBe(admin.uri);
    expect(events.of('router.waiting')).toEqual([]);
  });

  it('refuses an admin address of another kind at once', async () => {
    await expect(start(['http://localhost:9001'])).rejects.toThrow(ConfigError);
  });

  it('gives sessions whose address is that of their key, and tells of the others once', async () => {
    const good = {
      address: addressOf('11'.repeat(32)),
      key: '11'.repeat(32),
      bytes_recvd: 1,
      bytes_sent: 2,
      uptime: 3.5,
      new_in_0_6: true,
    };
    const { router, events } = await connected({ getSessions: { sessions: [good, { ...good, key: '22'.repeat(32) }] } });
    const session = { key: good.key, address: good.address, bytesIn: 1, bytesOut: 2 };
    expect(await router.sessions()).toMatchObject([session]);
    expect(await router.sessions()).toMatchObject([session]);
    expect(events.of('log')).toMatchObject([
      { level: 'warn', name: 'router.sessions.misaddressed', fields: { keys: ['22'.repeat(32)] } },
    ]);
  });

  it('is lost when its connection ends, and connected to again', async () => {
    const { admin, router, events, clock } = await connected();
    const heard: string[] = [];
    router.onConnected(({ key }) => heard.push(`connected ${key}`));
    router.onLost(({ code }) => heard.push(`lost ${code}`));
    await admin.stop();
    expect(await events.next('router.lost')).toMatchObject({ code: 'ADMIN_CLOSED', admin: admin.uri });
    expect(router.self).toBeUndefined();
    await admin.start();
    await retry(clock);
    await started(clock);
    await events.next('router.connected', 2);
    expect(heard).toEqual(['lost ADMIN_CLOSED', `connected ${routerKey}`]);
  });

  it('is asked nothing for half a second when it was not there before', async () => {
    const clock = new HeldClock();
    const admin = await FakeAdmin.start();
    await admin.stop();
    const { events } = await start([admin.uri], { clock });
    await events.next('router.waiting');
    await admin.start();
    await retry(clock);
    const rest = await clock.timer(500, 500);
    expect(admin.requests).toEqual([]);
    rest.fire();
    await events.next('router.connected');
    expect(named(admin, 'getSelf')).toHaveLength(1);
  });

  it('rejects the calls under way with ADMIN_CLOSED when it is lost', async () => {
    const { admin, router } = await connected();
    admin.onRequest = ({ hangUp }) => hangUp();
    const calls = await Promise.allSettled([router.sessions(), router.peers(), router.sessions()]);
    for (const call of calls) expect(call).toMatchObject({ status: 'rejected', reason: { code: 'ADMIN_CLOSED' } });
  });

  it('is tried again after pauses that double from 250 ms to 5 s', async () => {
    const clock = new HeldClock();
    await start([`unix://${await scratchFolder()}/none.sock`], { clock });
    const pauses: number[] = [];
    for (let round = 0; round < 7; round++) {
      const timer = await clock.timer(1, 1e6);
      pauses.push(timer.delayMs);
      timer.fire();
    }
    expect(pauses).toEqual([250, 500, 1000, 2000, 4000, 5000, 5000]);
  });

  it('tells of each reason to wait once, however often it tries', async () => {
    const clock = new HeldClock();
    const admin = new FakeAdmin(join(await scratchFolder(), 'admin.sock'));
    onTestFinished(() => admin.stop());
    const { events } = await start([admin.uri], { clock, fraction: 0.6 });
    for (let round = 0; round < 3; round++) await retry(clock);
    const pause = await clock.timer(2100, 2100);
    admin.onRequest = ({ send }) => send('220 mail.example ESMTP\r\n');
    await admin.start();
    pause.fire();
    await started(clock);
    await retry(clock);
    (await clock.timer(5250, 5250)).fire();
    await clock.timer(5250, 5250);
    expect(events.of('router.waiting').map(({ code }) => code)).toEqual(['ADMIN_UNREACHABLE', 'ADMIN_REPLY_INVALID']);
    expect(admin.requests).toHaveLength(3);
  });

  it('names all sockets it tried when none is there', async () => {
    const folder = await scratchFolder();
    const { events } = await start([`unix://${folder}/a.sock`, 'tcp://127.0.0.1:1']);
    expect((await events.next('router.waiting')).message).toBe(
      `No router answers at any of unix://${folder}/a.sock, tcp://127.0.0.1:1.`,
    );
  });

  it('stops in the middle of connecting', async () => {
    const admin = await FakeAdmin.start();
    const asked = new Promise<void>((resolve) => {
      admin.onRequest = () => resolve();
    });
    const { end, events, clock } = await start([admin.uri]);
    await asked;
    await end();
    expect((clock as HeldClock).pending).toBe(0);
    expect(events.all).toEqual([]);
  });

  it('stops without a word of being lost, and leaves no timer', async () => {
    const { end, events, clock, router } = await connected();
    await router.addPeer(uri);
    await end();
    expect(events.of('router.lost')).toEqual([]);
    expect(clock.pending).toBe(0);
    await expect(router.peers()).rejects.toMatchObject({ code: 'ADMIN_UNREACHABLE' });
  });
});

describe('the version of the router', () => {
  const self04 = {
    build_name: 'yggdrasil',
    build_version: '0.4.7',
    key: routerKey,
    address: aSelf.address,
    coords: [1, 2, 3],
    subnet: aSelf.subnet,
  };

  it.each([
    ['0.4.7', self04, 'The router is yggdrasil 0.4.7: 0.4 and older speak another protocol than 0.5.'],
    [
      'an unnamed 0.4',
      { ...self04, build_version: 'unknown' },
      'The router is yggdrasil unknown: 0.4 and older speak another protocol than 0.5.',
    ],
    ['0.5.12', { ...aSelf, build_version: '0.5.12' }, 'The router is yggdrasil 0.5.12, and bridges need 0.5.13 or newer.'],
    ['0.5.9-3', { ...aSelf, build_version: '0.5.9-3' }, 'The router is yggdrasil 0.5.9-3, and bridges need 0.5.13 or newer.'],
  ])('%s is refused', async (_version, self, message) => {
    const admin = await FakeAdmin.start({ getSelf: self });
    const { events, router } = await start([admin.uri]);
    expect(await events.next('router.waiting')).toMatchObject({ code: 'ROUTER_TOO_OLD', message });
    expect(router.self).toBeUndefined();
  });

  it.each(['0.5.13', 'v0.5.13-0004', '0.5.14', '0.6.0', '0.10.1', '1.0.0'])('%s is served', async (build_version) => {
    const { router, events } = await connected({ getSelf: { ...aSelf, build_version } });
    expect(router.self?.version).toBe(build_version);
    expect(events.logs()).toEqual([]);
  });

  it.each(['unknown', '', 'my own build'])('%j is served with a warning', async (build_version) => {
    const { events } = await connected({ getSelf: { ...aSelf, build_version } });
    expect(events.logs()).toEqual(['router.version.untold']);
  });

  it('is looked at again later, so that an upgrade is noticed', async () => {
    const admin = await FakeAdmin.start({ getSelf: self04 });
    const clock = new HeldClock();
    const { events } = await start([admin.uri], { clock });
    const pause = await clock.timer(10_000, 10_000);
    admin.onRequest = ({ succeed }) => succeed(aSelf);
    pause.fire();
    await events.next('router.connected');
  });

  it('does not matter when the identity makes no sense', async () => {
    const admin = await FakeAdmin.start({ getSelf: { ...aSelf, address: '200::1' } });
    const { events } = await start([admin.uri]);
    expect(await events.next('router.waiting')).toMatchObject({
      code: 'ADMIN_REPLY_INVALID',
      message: expect.stringContaining('200::1'),
    });
  });
});

describe('adding and removing peerings', () => {
  it('goes over a second connection, so that no poll waits for it', async () => {
    const { admin, router } = await connected();
    const answer = admin.onRequest;
    const adding = new Promise<AdminRequest>((resolve) => {
      admin.onRequest = (request) => (request.request === 'addPeer' ? resolve(request) : answer(request));
    });
    const added = router.addPeer(uri);
    const slow = await adding;
    expect(await router.sessions()).toEqual([]);
    slow.succeed({});
    await added;
    expect(named(admin, 'getSelf')[0]?.connection).toBe(1);
    expect(named(admin, 'getSessions')[0]?.connection).toBe(1);
    expect(slow).toMatchObject({ connection: 2, arguments: { uri } });
  });

  it('shares the second connection among calls made at once', async () => {
    const { admin, router } = await connected();
    await Promise.all(['a', 'b', 'c'].map((name) => router.addPeer(`unix:///run/${name}.sock?key=${routerKey}`)));
    expect(new Set(named(admin, 'addPeer').map(({ connection }) => connection))).toEqual(new Set([2]));
  });

  it('opens the second connection again when it has ended', async () => {
    const { admin, router } = await connected();
    const answer = admin.onRequest;
    admin.onRequest = ({ hangUp }) => hangUp();
    await expect(router.addPeer(uri)).rejects.toMatchObject({ code: 'ADMIN_CLOSED' });
    admin.onRequest = answer;
    await router.addPeer(uri);
    expect(named(admin, 'addPeer').map(({ connection }) => connection)).toEqual([2, 3]);
    expect(router.self).toBeDefined();
  });

  it('is in the journal before the router hears of it', async () => {
    const folder = await scratchFolder();
    const admin = await FakeAdmin.start();
    const { router, events } = await start([admin.uri], { folder });
    await events.next('router.connected');
    let known: readonly string[] = [];
    const answer = admin.onRequest;
    admin.onRequest = async (request) => {
      known = (await openPeerJournal(folder, events.source)).entries();
      answer(request);
    };
    await router.addPeer(uri);
    expect(known).toEqual([peer]);
  });

  it('leaves the journal when the router refuses it', async () => {
    const { admin, router, journal } = await connected();
    admin.onRequest = ({ refuse }) => refuse('peer is already configured');
    await expect(router.addPeer(uri)).rejects.toMatchObject({
      code: 'ADMIN_REFUSED',
      message: 'The router refused addPeer: peer is already configured.',
    });
    expect(journal.entries()).toEqual([]);
  });

  it('stays in the journal when it is added a second time', async () => {
    const { admin, router, journal } = await connected();
    await router.addPeer(uri);
    admin.onRequest = ({ refuse }) => refuse('peer is already configured');
    await expect(router.addPeer(uri)).rejects.toMatchObject({ code: 'ADMIN_REFUSED' });
    expect(journal.entries()).toEqual([peer]);
  });

  it('keeps the password out of the error when the router quotes the URI', async () => {
    const { admin, router } = await connected();
    admin.onRequest = ({ refuse }) => refuse(`unable to parse peering URI: parse "${uri}": invalid port`);
    const error = await router.addPeer(uri).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ADMIN_REFUSED', message: expect.stringContaining(peer) });
    expect(JSON.stringify([String(error), (error as Error).cause])).not.toContain('secret');
  });

  it.each([
    'unix:///run/a b.sock',
    'unix:///run/ü.sock',
    'tcp://127.0.0.1:1#x',
    'unix:///a?',
    'UNIX:///a',
    'tcp://%zz:1',
    'nonsense',
    '',
  ])('refuses %j, which the router would list under another text', async (odd) => {
    const { router, admin } = await connected();
    await expect(router.addPeer(odd)).rejects.toMatchObject({ code: 'PEER_URI_INVALID' });
    expect(named(admin, 'addPeer')).toEqual([]);
  });

  it('removes what we added', async () => {
    const { admin, router, journal } = await connected({ getPeers: { peers: [peerEntry({ remote: peer })] } });
    await router.addPeer(uri);
    await router.removePeer(uri);
    expect(named(admin, 'removePeer')).toMatchObject([{ arguments: { uri: peer }, connection: 2 }]);
    expect(journal.entries()).toEqual([]);
  });

  it('removes nothing that we have not added', async () => {
    const { admin, router } = await connected({ getPeers: { peers: [peerEntry({ remote: peer })] } });
    await expect(router.removePeer(uri)).rejects.toMatchObject({ code: 'PEER_NOT_OURS' });
    expect(named(admin, 'removePeer')).toEqual([]);
  });

  it('never asks for the removal of an inbound link, even under a URI that was ours', async () => {
    const { admin, router, journal } = await connected({ getPeers: { peers: [peerEntry({ remote: peer, inbound: true })] } });
    await router.addPeer(uri);
    await expect(router.removePeer(uri)).rejects.toMatchObject({
      code: 'PEER_NOT_OURS',
      message: expect.stringContaining('inbound'),
    });
    expect(named(admin, 'removePeer')).toEqual([]);
    expect(journal.entries()).toEqual([]);
  });

  it('is content when the router has forgotten it', async () => {
    const { admin, router, journal } = await connected();
    await router.addPeer(uri);
    await router.removePeer(uri);
    expect(named(admin, 'removePeer')).toEqual([]);
    expect(journal.entries()).toEqual([]);
  });

  it('is content when the peering goes between the look and the removal', async () => {
    const { admin, router, journal } = await connected({ getPeers: { peers: [peerEntry({ remote: peer })] } });
    await router.addPeer(uri);
    const answer = admin.onRequest;
    admin.onRequest = (request) =>
      request.request === 'removePeer' ? request.refuse('peer is not configured') : answer(request);
    await router.removePeer(uri);
    expect(journal.entries()).toEqual([]);
  });

  it('tries a removal again that failed, while the router stays', async () => {
    const { admin, router, events, clock, journal } = await connected({ getPeers: { peers: [peerEntry({ remote: peer })] } });
    await router.addPeer(uri);
    const answer = admin.onRequest;
    admin.onRequest = (request) => (request.request === 'removePeer' ? request.hangUp() : answer(request));
    await expect(router.removePeer(uri)).rejects.toMatchObject({ code: 'ADMIN_CLOSED' });
    expect(journal.entries()).toEqual([peer]);
    admin.onRequest = answer;
    (await clock.timer(5000, 5000)).fire();
    expect((await events.next('leftovers.removed')).peers).toEqual([peer]);
    expect(journal.entries()).toEqual([]);
  });

  it('removes later what an addPeer without an answer may have left', async () => {
    const { admin, router, events, clock } = await connected({ getPeers: { peers: [peerEntry({ remote: peer })] } });
    const answer = admin.onRequest;
    admin.onRequest = (request) => (request.request === 'addPeer' ? request.hangUp() : answer(request));
    await expect(router.addPeer(uri)).rejects.toMatchObject({ code: 'ADMIN_CLOSED' });
    (await clock.timer(5000, 5000)).fire();
    await events.next('leftovers.removed');
    expect(named(admin, 'removePeer')).toHaveLength(1);
  });

  it('removes at the next connection what could not be removed without one', async () => {
    const { admin, router, events, clock } = await connected({ getPeers: { peers: [peerEntry({ remote: peer })] } });
    await router.addPeer(uri);
    await admin.stop();
    await events.next('router.lost');
    await expect(router.removePeer(uri)).rejects.toMatchObject({ code: 'ADMIN_UNREACHABLE' });
    await admin.start();
    await retry(clock);
    await started(clock);
    expect((await events.next('leftovers.removed')).peers).toEqual([peer]);
  });

  it('leaves what is in use alone when the connection comes back', async () => {
    const { admin, router, events, clock } = await connected({ getPeers: { peers: [peerEntry({ remote: peer })] } });
    await router.addPeer(uri);
    await admin.stop();
    await events.next('router.lost');
    await admin.start();
    await retry(clock);
    await started(clock);
    await events.next('router.connected', 2);
    await router.sessions();
    expect(named(admin, 'removePeer')).toEqual([]);
  });

  it('removes what an earlier run left, and nothing else', async () => {
    const folder = await scratchFolder();
    const earlier = await openPeerJournal(folder, new EventRecord().source);
    await earlier.put(peer);
    const foreign = peerEntry({ remote: 'tls://192.0.2.1:443' });
    const admin = await FakeAdmin.start({ getPeers: { peers: [foreign, peerEntry({ remote: peer })] } });
    const { events, journal } = await start([admin.uri], { folder });
    expect(await events.next('leftovers.removed')).toMatchObject({ peers: [peer], files: [] });
    expect(named(admin, 'removePeer').map((request) => request.arguments)).toEqual([{ uri: peer }]);
    expect(journal.entries()).toEqual([]);
  });

  it('adds nothing that cannot be journalled', async () => {
    const folder = await scratchFolder();
    const admin = await FakeAdmin.start();
    const { router, events } = await start([admin.uri], { folder });
    await events.next('router.connected');
    await rm(folder, { recursive: true });
    await expect(router.addPeer(uri)).rejects.toMatchObject({ code: 'JOURNAL_UNWRITABLE' });
    expect(named(admin, 'addPeer')).toEqual([]);
  });
});
