import { readdirSync, readlinkSync } from 'node:fs';
import net from 'node:net';
import { setImmediate } from 'node:timers/promises';
import type { ByteStream, Net } from '../../src/core/net.js';
import type { Addon } from '../../src/native/addon.js';

/** A port nobody uses at the moment. */
export async function freePort(address = '127.0.0.1'): Promise<number> {
  const server = net.createServer().listen(0, address);
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A loopback port that drops each SYN, as a firewall does: a listener whose queue is full. */
export async function silentPort(addon: Addon, address = '127.0.0.1'): Promise<{ port: number; close(): void }> {
  const port = await freePort(address);
  const listener = addon.listenTcp({ address, port, backlog: 1 });
  // The queue takes one more than its length.
  const fillers = await Promise.all([dial(address, port), dial(address, port)]);
  return {
    port,
    close() {
      listener.close();
      for (const filler of fillers) filler.destroy();
    },
  };
}

function dial(address: string, port: number): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, address, () => resolve(socket));
    socket.once('error', reject);
    socket.on('error', () => {});
  });
}

/** Sockets this process has open, whoever opened them. */
export function openSockets(): number {
  return openFiles().filter((target) => target.startsWith('socket:')).length;
}

/** What all descriptors of this process point to. */
export function openFiles(): readonly string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // the one that listed the folder
    }
  });
}

/** Resolves once `condition` holds, looking again each turn of the event loop. */
export async function eventually(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`never came true: ${condition}`);
    await setImmediate();
  }
}

/** Everything until the other end's half-close. */
export async function readAll(stream: ByteStream): Promise<string> {
  const chunks: Buffer[] = [];
  // `for await` would destroy the stream, and its writing half with it.
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await new Promise((resolve, reject) => stream.once('end', resolve).once('error', reject));
  return Buffer.concat(chunks).toString();
}

/** A listener and its two ends of one connection. */
export async function connectedPair(system: Net, address = '127.0.0.1') {
  let accept: (stream: ByteStream) => void = () => {};
  const accepted = new Promise<ByteStream>((resolve) => {
    accept = resolve;
  });
  const listener = await system.listenTcp({ local: { address, port: 0 }, onStream: accept });
  const port = listener.local?.port ?? 0;
  const client = await system.connectTcp({ remote: { address, port }, timeoutMs: 5000 });
  return { listener, client, server: await accepted };
}
