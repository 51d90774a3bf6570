// Uses every export of the addon, rightly and wrongly: node --expose-gc exercise.mjs <addon>. Run by sanitizer.test.ts.
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

const address = '127.0.0.1';
const [file] = process.argv.slice(2);
const addon = createRequire(import.meta.url)(path.resolve(file));

const connect = (options) =>
  new Promise((resolve, reject) => {
    addon.connect({ address, timeoutMs: 10_000, ...options }, (error, descriptor) =>
      error ? reject(error) : resolve(descriptor),
    );
  });
const adopt = (descriptor) => new net.Socket({ fd: descriptor.take(), allowHalfOpen: true }).on('error', () => {});
const closed = (socket) => new Promise((resolve) => socket.once('close', resolve));

// Not kept alive by the other ends of what is left to the collector, which takes its time.
const server = net.createServer((socket) =>
  socket
    .unref()
    .on('error', () => {})
    .pipe(socket),
);
await new Promise((resolve) => server.listen({ fd: addon.listenTcp({ address, port: 0, sharePort: true }).take() }, resolve));
const { port } = server.address();

// Streams, many at once, each echoed.
const sockets = (await Promise.all(Array.from({ length: 300 }, () => connect({ port, sharePort: true, ttl: 64 })))).map(adopt);
const [first] = sockets;
const { fd } = first._handle;
assert.equal(addon.setNoDelay(fd), true);
assert.equal(addon.setUserTimeout(fd, 5000), true);
assert.equal(addon.setKeepAlive(fd, 10, 10, 3), true);
assert.equal(addon.setCongestion(fd, 'reno'), true);
assert.equal(addon.setCongestion(fd, 'n'.repeat(500)), false);
assert.equal(addon.tcpInfo(fd).congestion, 'reno');
assert.equal(addon.peerCredentials(fd), undefined);
await Promise.all(sockets.map((socket) => closed(socket.end('echo').resume())));

// Connects that wait: late, called off (some of them twice), refused, left to the collector.
const probe = net.createServer().listen(0, address);
await new Promise((resolve) => probe.once('listening', resolve));
const silentPort = probe.address().port;
await new Promise((resolve) => probe.close(resolve));
const silent = addon.listenTcp({ address, port: silentPort, backlog: 1 });
const fillers = await Promise.all([connect({ port: silentPort }), connect({ port: silentPort })]);
await assert.rejects(connect({ port: silentPort, timeoutMs: 5 }), { code: 'ETIMEDOUT' });
for (let round = 0; round < 20; round++) {
  const ids = Array.from({ length: 100 }, () => addon.connect({ address, port: silentPort, timeoutMs: round }, () => {}));
  if (round % 2) await setImmediate();
  for (const id of [...ids, ...ids]) addon.cancel(id);
  await assert.rejects(connect({ port: 1 }), { code: 'ECONNREFUSED' });
}
for (let i = 0; i < 100; i++) {
  await connect({ port });
  addon.listenTcp({ address, port: 0 });
}
globalThis.gc();

// Threads that end in the middle of it.
for (let i = 0; i < 3; i++) {
  const workerData = { addon: path.resolve(file), silentPort, closedPort: 1 };
  const worker = new Worker(new URL('./pending-worker.mjs', import.meta.url), { workerData });
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  await worker.terminate();
}
for (const descriptor of [silent, ...fillers]) descriptor.close();

// Unix sockets.
const folder = mkdtempSync(path.join(tmpdir(), 'ratatoskr-exercise-'));
const unix = net.createServer((socket) => {
  assert.equal(addon.peerCredentials(socket._handle.fd).pid, process.pid);
  socket.end('hello');
});
const socketFile = path.join(folder, 'u.sock');
const listener = addon.listenUnix({ path: socketFile, mode: 0o640, uid: process.getuid() });
assert.equal(statSync(socketFile).mode & 0o777, 0o640);
unix.listen({ fd: listener.take() });
await closed(net.connect(socketFile).resume());
assert.throws(() => addon.listenUnix({ path: socketFile, mode: 0o600 }), { code: 'EADDRINUSE' });
assert.throws(() => addon.listenUnix({ path: path.join(folder, 'x'.repeat(200)), mode: 0o600 }), { code: 'ENAMETOOLONG' });
assert.throws(() => addon.listenUnix({ path: '', mode: 0o600 }), { code: 'EINVAL' });
assert.throws(() => addon.listenUnix({ path: '\0abstract', mode: 0o600 }), TypeError);

// Links: carried, ended, broken and left alone, many at once.
const key = new Uint8Array(32);
const greeting = Buffer.concat([Buffer.from('meta\0\x75'), Buffer.alloc(117)]);
const frame = (type, length) =>
  Buffer.concat([Buffer.from([(length + 1) | 0x80, (length + 1) >> 7, type]), Buffer.alloc(length)]);
const pairs = [];
const acceptor = net.createServer({ allowHalfOpen: true, pauseOnConnect: true });
await new Promise((resolve) => acceptor.listen(0, address, resolve));
async function pair() {
  const accepted = new Promise((resolve) => acceptor.once('connection', resolve));
  // The pump reads what it is given: Node must not take any of that.
  const near = net.connect({ port: acceptor.address().port, host: address, allowHalfOpen: true }).pause();
  await new Promise((resolve) => near.once('connect', resolve));
  const both = [near, await accepted].map((socket) => socket.on('error', () => {}));
  pairs.push(...both);
  return both;
}
async function link(options = {}) {
  const [[path, far], [socket, router]] = [await pair(), await pair()];
  const events = { over: undefined, closed: undefined };
  const over = new Promise((resolve) => {
    events.over = (...args) => resolve(args);
  });
  const closed = new Promise((resolve) => {
    events.closed = resolve;
  });
  const early = { fromPath: Buffer.alloc(0), fromRouter: greeting };
  const given = {
    path: path._handle.fd,
    router: socket._handle.fd,
    hidden: true,
    ownKey: key,
    peerKey: key,
    ...early,
    ...options,
  };
  const { id, counters } = addon.carry(given, events.over, events.closed);
  return { id, counters: new Float64Array(counters), path, socket, far, router, over, closed };
}
const ends = {
  silent: () => {},
  traffic: async ({ far, router }) => {
    far.resume();
    router.resume();
    far.write(greeting);
    const frames = Buffer.concat(Array.from({ length: 40 }, (_, i) => frame([2, 9, 4, 3, 1][i % 5], 1000 + (i % 7) * 1100)));
    for (let at = 0; at < frames.length; at += 7001) {
      far.write(frames.subarray(at, at + 7001));
      router.write(frames.subarray(at, at + 7001));
      await setImmediate();
    }
  },
  // More than anyone takes.
  flood: ({ router }) => router.write(Buffer.concat(Array.from({ length: 900 }, () => frame(4, 12_000)))),
  junk: ({ far }) => far.write('GET / HTTP/1.1\r\n\r\n'),
  forged: ({ router }) => router.write(frame(0xff, 10)),
  said: ({ far }) => far.write(Buffer.concat([greeting, Buffer.from([5, 0xff, 2, 1, 0x41, 0x42])])),
  beats: ({ far }) => far.write(Buffer.concat([greeting, ...Array.from({ length: 50 }, () => frame(0xff, 400).fill(1, 3))])),
  half: ({ router }) => router.end(),
  both: ({ far, router }) => void [far.end(greeting), router.end()],
  reset: ({ far }) => far.resetAndDestroy(),
  torn: ({ path, socket }) => void [path.destroy(), socket.destroy()],
};
for (const [name, act] of Object.entries(ends)) {
  const links = await Promise.all(Array.from({ length: 8 }, () => link()));
  await Promise.all(links.map(act));
  await setImmediate();
  for (const { id } of links) addon.closeLink(id, name === 'silent' ? new Uint8Array(0) : frame(0xff, 20));
  for (const { id } of links) addon.closeLink(id, new Uint8Array(0));
  await Promise.all(links.map(({ closed: gone }) => gone));
  assert.ok(links.every(({ counters }) => counters[0] >= 0));
}
for (const name of ['junk', 'forged', 'said', 'reset']) {
  const broken = await link();
  ends[name](broken);
  const [cause, , words] = await broken.over;
  assert.ok(cause > 0);
  assert.equal(words.length, name === 'said' ? 4 : 0);
  addon.closeLink(broken.id, new Uint8Array(600));
  await broken.closed;
}
// The numbers outlive the link, and the link its numbers.
const [kept, dropped] = [await link(), await link()];
addon.closeLink(kept.id, new Uint8Array(0));
await kept.closed;
try {
  structuredClone(dropped.counters.buffer, { transfer: [dropped.counters.buffer] });
} catch (error) {
  // From Node 24 on nobody can take them away.
  assert.equal(error.name, 'DataCloneError');
}
dropped.far.write(greeting);
globalThis.gc();
assert.equal(kept.counters.length, 9);
addon.closeLink(dropped.id, new Uint8Array(0));
await dropped.closed;
for (const wrong of [{ path: -1 }, { path: 1e6 }, { router: Number.NaN }, { ownKey: new Uint8Array(31) }, { fromPath: 'text' }]) {
  await assert.rejects(link(wrong));
}
assert.throws(
  () =>
    addon.carry(
      {},
      () => {},
      () => {},
    ),
  TypeError,
);
assert.throws(() => addon.carry());
for (const wrong of [undefined, -1, 1e9, 'x', Number.NaN]) addon.closeLink(wrong, wrong);
for (const socket of pairs) socket.destroy();
acceptor.close();
// A thread that ends while its links are busy.
for (let i = 0; i < 3; i++) {
  const worker = new Worker(new URL('./carrying-worker.mjs', import.meta.url), { workerData: { addon: path.resolve(file) } });
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  await worker.terminate();
}

// Tunnels: where the system lets us, one that connects, some that are closed at any stage, and one that a stranger shoots at.
const makeNamespace = (listens) =>
  new Promise((resolve, reject) => {
    addon.makeTunnelNamespace({ listens, ipv6: false }, (error, tun, tcp) => (error ? reject(error) : resolve({ tun, tcp })));
  });
const udpSocket = async () => {
  const socket = dgram.createSocket('udp4').bind(0, address);
  await new Promise((resolve) => socket.once('listening', resolve));
  return socket;
};
const tags = [Buffer.alloc(8, 1), Buffer.alloc(8, 2)];
async function tunnel(side) {
  const socket = await udpSocket();
  const local = socket.address().port;
  const { tun, tcp } = await makeNamespace(side === 0);
  const udp = addon.duplicateUdp(address, local);
  await new Promise((resolve) => socket.close(resolve));
  const events = { message: () => {}, failed: () => {} };
  const connected = new Promise((resolve) => {
    events.connected = resolve;
  });
  const gone = new Promise((resolve) => {
    events.closed = resolve;
  });
  const given = { udp: udp.take(), tun: tun.take(), tcp: tcp.take() };
  const id = addon.openTunnel({ ...given, listens: side === 0, ownTag: tags[side], peerTag: tags[1 - side] }, events);
  return { id, port: local, connected, gone };
}
if (
  await makeNamespace(false).then(
    () => true,
    () => false,
  )
) {
  const ends = await Promise.all([tunnel(0), tunnel(1)]);
  addon.directTunnel(ends[0].id, address, ends[1].port);
  addon.directTunnel(ends[1].id, address, ends[0].port);
  const [left, right] = (await Promise.all(ends.map(({ connected }) => connected))).map(adopt);
  const stranger = await udpSocket();
  for (let i = 0; i < 300; i++) stranger.send(Buffer.alloc(i, i), ends[i % 2].port, address);
  right.pipe(right);
  left.end(Buffer.alloc(2 << 20, 7));
  let echoed = 0;
  left.on('data', ({ length }) => {
    echoed += length;
  });
  await closed(left);
  assert.equal(echoed, 2 << 20);
  assert.ok(addon.segmentsHeard(ends[0].id) > 0);
  // From the peer's own port, with its tag.
  const lonely = await tunnel(0);
  addon.directTunnel(lonely.id, address, stranger.address().port);
  for (let i = 0; i < 2000; i++) {
    const noise = Buffer.from(Array.from({ length: i % 120 }, (_, at) => (at * 31 + i * 17) & 0xff));
    stranger.send(Buffer.concat([tags[1], noise]), lonely.port, address);
    if (i % 50 === 0) await setImmediate();
  }
  addon.sendBeside(lonely.id, Buffer.from('beside'), address, stranger.address().port);
  const early = await tunnel(1);
  for (const { id } of [...ends, lonely, early, early]) addon.closeTunnel(id);
  await Promise.all([...ends, lonely, early].map(({ gone }) => gone));
  await new Promise((resolve) => stranger.close(resolve));
  assert.throws(() => addon.duplicateUdp(address, lonely.port), { code: 'EBADF' });
}
assert.throws(() => addon.duplicateUdp('nowhere', 1), { code: 'EINVAL' });
assert.throws(() => addon.openTunnel({}, {}), TypeError);
assert.throws(() => addon.makeTunnelNamespace({}, undefined), TypeError);
for (const wrong of [undefined, -1, 1e9, 'x', Number.NaN]) {
  addon.closeTunnel(wrong);
  addon.directTunnel(wrong, address, 1);
  addon.sendBeside(wrong, wrong, wrong, wrong);
  assert.equal(addon.segmentsHeard(wrong), 0);
}

// Nonsense.
for (const wrong of [
  undefined,
  null,
  1,
  {},
  { address: 1 },
  { address, port: -1 },
  { address, port: Number.NaN, timeoutMs: 1 },
]) {
  assert.throws(() => addon.connect(wrong, () => {}), TypeError);
  assert.throws(() => addon.listenTcp(wrong), TypeError);
  assert.throws(() => addon.listenUnix(wrong), TypeError);
}
const throwing = {
  get address() {
    throw new Error('from a getter');
  },
};
assert.throws(() => addon.connect(throwing, () => {}), /from a getter/);
assert.throws(() => addon.connect({ address, port, timeoutMs: 1 }), TypeError);
for (const wrong of ['fe80::1%', '::1%lo%lo', 'example.org', 'x'.repeat(10_000)]) {
  await assert.rejects(connect({ address: wrong, port }), { code: 'EINVAL' });
}
for (const wrong of [undefined, -1, 1e9, 'x', {}, Number.NaN]) {
  addon.cancel(wrong);
  assert.equal(addon.tcpInfo(wrong), undefined);
  assert.equal(addon.peerCredentials(wrong), undefined);
  assert.equal(addon.setNoDelay(wrong), false);
  assert.equal(addon.setUserTimeout(wrong, wrong), false);
  assert.equal(addon.setKeepAlive(wrong, wrong, wrong, wrong), false);
  assert.equal(addon.setCongestion(wrong, wrong), false);
}
const thrown = new Promise((resolve) => process.once('uncaughtException', resolve));
addon.connect({ address, port: 1, timeoutMs: 1000 }, () => {
  throw new Error('from a callback');
});
await assert.rejects(connect({ port: 1 }), { code: 'ECONNREFUSED' });
assert.match((await thrown).message, /from a callback/);

server.close();
unix.close();
rmSync(folder, { recursive: true });
console.log('exercised');
