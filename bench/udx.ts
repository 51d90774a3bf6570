/**
 * The reliability layer over UDP. On loopback: CPU of both ends together per gigabyte, and what the knobs change. In the
 * laboratory, over a line of 40 ms round trip, 100 Mbit/s and a queue of 500 kB: goodput at 0, 1 and 3 % loss, next to TCP.
 * Run: npx tsx bench/udx.ts [loopback] [lab]   (lab needs its tools: see test/lab)
 */
import { once } from 'node:events';
import { createRequire } from 'node:module';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { systemClock } from '../src/core/clock.js';
import { systemRandom } from '../src/core/random.js';
import type { OpenStreamOptions } from '../src/core/reliable-udp.js';
import { createUdx } from '../src/native/udx/create-udx.js';
import { loadUdx } from '../src/native/udx/load-udx.js';
import { Lab } from '../test/lab/lab.js';

const wanted = process.argv.slice(2);
const loopbackBytes = 512 << 20;
const rounds = 3;
const results: Record<string, unknown>[] = [];
if (wanted.length === 0 || wanted.includes('loopback')) await loopback();
if (wanted.length === 0 || wanted.includes('lab')) await lab();
console.log(JSON.stringify({ bench: 'udx', node: process.version, results }));

async function loopback(): Promise<void> {
  console.log('loopback                               CPU-s/GB  MB/s   (both ends, median of 3)');
  await measure('tcp, 64 KiB writes', tcpPair, 64);
  await measure('udx bare, 64 KiB writes', () => barePair(2 << 20), 64);
  await measure('udx bare, system buffers 208 KiB', () => barePair(208 << 10), 64);
  await measure('udx bare, system buffers 8 MiB', () => barePair(8 << 20), 64);
  for (const kib of [1, 16, 64, 256]) await measure(`stream, ${kib} KiB writes`, () => streamPair(), kib);
  for (const mib of [1, 4, 8]) await measure(`stream, window ${mib} MiB`, () => streamPair({ windowBytes: mib << 20 }), 64);
}

interface Pair {
  readonly from: Duplex;
  readonly to: Duplex;
  close(): Promise<void>;
}

async function measure(name: string, open: () => Promise<Pair>, writeKib: number): Promise<void> {
  const samples: { cpu: number; rate: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const { from, to, close } = await open();
    const cpu = process.cpuUsage();
    const startedAt = performance.now();
    await transfer(from, to, loopbackBytes, writeKib * 1024);
    const seconds = (performance.now() - startedAt) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    samples.push({ cpu: ((user + system) / 1e6 / loopbackBytes) * 1e9, rate: loopbackBytes / seconds / 1e6 });
    await close();
  }
  samples.sort((left, right) => left.cpu - right.cpu);
  const { cpu = 0, rate = 0 } = samples[Math.floor(rounds / 2)] ?? {};
  console.log(`${name.padEnd(38)} ${cpu.toFixed(1).padStart(8)}  ${rate.toFixed(0).padStart(4)}`);
  results.push({ name, cpuSecondsPerGb: Number(cpu.toFixed(2)), megabytesPerSecond: Math.round(rate) });
}

async function transfer(from: Duplex, to: Duplex, total: number, size: number): Promise<void> {
  const chunk = Buffer.alloc(size);
  let received = 0;
  const all = new Promise<void>((resolve) => {
    to.on('data', (data: Buffer) => {
      received += data.length;
      if (received >= total) resolve();
    });
  });
  for (let written = 0; written < total; written += size) if (!from.write(chunk)) await once(from, 'drain');
  await all;
}

async function streamPair(settings: Partial<OpenStreamOptions> = {}): Promise<Pair> {
  const { udp } = createUdx({ clock: systemClock, random: systemRandom });
  if (!udp) throw new Error('no udx here');
  const bind = () => udp.bind({ local: { address: '127.0.0.1', port: 0 }, onMessage: () => {} });
  const [one, other] = await Promise.all([bind(), bind()]);
  const from = one.open({ ...settings, remote: other.local, localId: 1, remoteId: 2 });
  const to = other.open({ ...settings, remote: one.local, localId: 2, remoteId: 1 });
  return { from, to, close: async () => void (await Promise.all([one.close(), other.close()])) };
}

async function barePair(bufferBytes: number): Promise<Pair> {
  const { Udx } = loadUdx();
  if (!Udx) throw new Error('no udx here');
  const udx = new Udx();
  const sockets = [udx.createSocket(), udx.createSocket()] as const;
  for (const socket of sockets) {
    socket.bind(0, '127.0.0.1');
    socket.setRecvBufferSize(bufferBytes);
    socket.setSendBufferSize(bufferBytes);
  }
  const streams = [udx.createStream(1), udx.createStream(2)] as const;
  streams[0].connect(sockets[0], 2, sockets[1].address()?.port ?? 0, '127.0.0.1');
  streams[1].connect(sockets[1], 1, sockets[0].address()?.port ?? 0, '127.0.0.1');
  const close = async () => {
    for (const stream of streams) stream.destroy();
    await Promise.all(sockets.map((socket) => socket.close()));
  };
  return { from: streams[0] as unknown as Duplex, to: streams[1] as unknown as Duplex, close };
}

async function tcpPair(): Promise<Pair> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const from = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
  const [to] = (await once(server, 'connection')) as [net.Socket];
  const close = async () => {
    from.destroy();
    to.destroy();
    server.close();
  };
  return { from, to, close };
}

async function lab(): Promise<void> {
  console.log('lab, MB/s (12.5 raw)   0 %   1 %   3 % loss');
  const rows = new Map<string, number[]>();
  for (const loss of [0, 0.01, 0.03]) {
    const line = { delayMs: 10, kbitPerSecond: 100_000, queueBytes: 500_000 };
    const place = await Lab.create({
      a: 'public',
      b: 'public',
      routers: false,
      turn: false,
      links: { a: { ...line, loss }, b: line },
    });
    try {
      for (const congestion of ['cubic', 'bbr']) add(`tcp ${congestion}`, await iperf(place, congestion));
      add('udx stream', await udxGoodput(place));
    } finally {
      await place.close();
    }
  }
  for (const [name, rates] of rows) {
    console.log(`${name.padEnd(20)} ${rates.map((rate) => rate.toFixed(2).padStart(6)).join('')}`);
    results.push({ name, goodput: rates });
  }
  function add(name: string, rate: number) {
    rows.set(name, [...(rows.get(name) ?? []), Number(rate.toFixed(2))]);
  }
}

async function iperf(place: Lab, congestion: string): Promise<number> {
  // One after the other: the last one's port is not free at once.
  const port = congestion === 'bbr' ? '5302' : '5301';
  const server = place.b.spawn(['iperf3', '-s', '-1', '-p', port, '--forceflush']);
  await server.line('sign of readiness', (line) => line.includes('listening') || undefined);
  const report = await place.a.exec(['iperf3', '-c', place.b.address, '-p', port, '-t', '8', '-C', congestion, '-J'], {
    timeoutMs: 60_000,
  });
  const parsed = JSON.parse(report) as { end: { sum_received: { bits_per_second: number } } };
  return parsed.end.sum_received.bits_per_second / 8e6;
}

async function udxGoodput(place: Lab): Promise<number> {
  const program = new URL('../test/lab/udx/end.ts', import.meta.url).pathname;
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const start = (side: 'a' | 'b', bytes: number) => {
    const args = [side, '5001', place[side === 'a' ? 'b' : 'a'].address, '5001', 'exchange', String(bytes)];
    return place[side].spawn([process.execPath, '--import', tsx, program, ...args], { name: `udx-${side}` });
  };
  const receiver = start('b', 0);
  start('a', 80_000_000);
  const said = await receiver.line(
    'report',
    (line) => {
      const { event, bytes, seconds } = JSON.parse(line) as { event: string; bytes?: number; seconds?: number };
      return event === 'received' ? (bytes ?? 0) / (seconds ?? 1) : undefined;
    },
    { timeoutMs: 120_000 },
  );
  return said / 1e6;
}
