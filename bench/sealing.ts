/**
 * What sealing a path costs: CPU of both ends together per gigabyte over loopback, for streams of TCP and of UDP.
 * Run: npx tsx bench/sealing.ts   (with @hyperswarm/secret-stream installed, that too)
 */
import { once } from 'node:events';
import { createRequire } from 'node:module';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { systemClock } from '../src/core/clock.js';
import { systemRandom } from '../src/core/random.js';
import { seal } from '../src/core/sealing.js';
import { createUdx } from '../src/native/udx/create-udx.js';

const total = 512 << 20;
const rounds = 3;
const signal = new AbortController().signal;
const secret = new Uint8Array(32).fill(5);
type Pair = readonly [Duplex, Duplex];
type Opened = { readonly pair: Pair; close(): Promise<void> };

const results: { name: string; cpuSecondsPerGb: number; megabytesPerSecond: number }[] = [];
console.log('                     CPU-s/GB  MB/s   (both ends, median of 3)');
for (const [carrier, open] of [
  ['tcp', tcpPair],
  ['udp', udpPair],
] as const) {
  await measure(`${carrier} plain`, open, async (pair) => pair);
  await measure(`${carrier} TLS-PSK`, open, (pair) =>
    Promise.all([
      seal(pair[0], { secret, role: 'controlling', clock: systemClock, signal }),
      seal(pair[1], { secret, role: 'controlled', clock: systemClock, signal }),
    ]),
  );
  const noise = loadNoise();
  if (noise) await measure(`${carrier} noise`, open, (pair) => sealByNoise(noise, pair));
}
console.log(JSON.stringify({ bench: 'sealing', node: process.version, results }));

async function measure(name: string, open: () => Promise<Opened>, sealing: (pair: Pair) => Promise<Pair>): Promise<void> {
  const samples: { cpu: number; rate: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const { pair, close } = await open();
    const [from, to] = await sealing(pair);
    const cpu = process.cpuUsage();
    const startedAt = performance.now();
    await transfer(from, to);
    const { user, system } = process.cpuUsage(cpu);
    const seconds = (performance.now() - startedAt) / 1000;
    samples.push({ cpu: ((user + system) / 1e6 / total) * 1e9, rate: total / seconds / 1e6 });
    await close();
  }
  samples.sort((left, right) => left.cpu - right.cpu);
  const { cpu = 0, rate = 0 } = samples[Math.floor(rounds / 2)] ?? {};
  console.log(`${name.padEnd(20)} ${cpu.toFixed(2).padStart(8)}  ${rate.toFixed(0).padStart(4)}`);
  results.push({ name, cpuSecondsPerGb: Number(cpu.toFixed(2)), megabytesPerSecond: Math.round(rate) });
}

async function transfer(from: Duplex, to: Duplex): Promise<void> {
  const chunk = Buffer.alloc(64 * 1024);
  let received = 0;
  const all = new Promise<void>((resolve) => {
    to.on('data', (data: Buffer) => {
      received += data.length;
      if (received >= total) resolve();
    });
  });
  for (let written = 0; written < total; written += chunk.length) if (!from.write(chunk)) await once(from, 'drain');
  await all;
}

async function tcpPair(): Promise<Opened> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const from = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
  const [to] = (await once(server, 'connection')) as [net.Socket];
  for (const socket of [from, to]) socket.on('error', () => {});
  const close = async () => {
    from.destroy();
    to.destroy();
    server.close();
  };
  return { pair: [from, to], close };
}

async function udpPair(): Promise<Opened> {
  const { udp } = createUdx({ clock: systemClock, random: systemRandom });
  if (!udp) throw new Error('no udx here');
  const bind = () => udp.bind({ local: { address: '127.0.0.1', port: 0 }, onMessage: () => {} });
  const [one, other] = await Promise.all([bind(), bind()]);
  const pair = [
    one.open({ remote: other.local, localId: 1, remoteId: 2 }),
    other.open({ remote: one.local, localId: 2, remoteId: 1 }),
  ] as const;
  for (const stream of pair) stream.on('error', () => {});
  return { pair, close: async () => void (await Promise.all([one.close(), other.close()])) };
}

type Noise = new (initiator: boolean, stream: Duplex) => Duplex;

function loadNoise(): Noise | undefined {
  try {
    return createRequire(import.meta.url)(process.env.SECRET_STREAM ?? '@hyperswarm/secret-stream') as Noise;
  } catch {
    return undefined;
  }
}

async function sealByNoise(SecretStream: Noise, [from, to]: Pair): Promise<Pair> {
  const pair = [new SecretStream(true, from), new SecretStream(false, to)] as const;
  for (const stream of pair) stream.on('error', () => {});
  await Promise.all(pair.map((stream) => once(stream, 'connect')));
  return pair;
}
