import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ByteStream } from '../../src/core/net.js';
import type { Pump, Pumps } from '../../src/core/pump.js';
import { createSystemNet } from '../../src/native/system-net.js';
import { connectedPair } from './loopback.js';

/** Keys of the two routers. */
export const keys = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)] as const;
const system = createSystemNet();
const made: ByteStream[] = [];

/** Closes what was made here. */
export function destroyStreams(): void {
  for (const stream of made.splice(0)) stream.destroy();
}

/** A TCP connection on loopback. */
export async function tcpPair(): Promise<[ByteStream, ByteStream]> {
  const { listener, client, server } = await connectedPair(system);
  await listener.close();
  made.push(client, server);
  return [client, server];
}

/** A unix connection: the agent's end and the router's. */
export async function unixPair(): Promise<[ByteStream, ByteStream]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'ratatoskr-pump'));
  let accept: (stream: ByteStream) => void = () => {};
  const accepted = new Promise<ByteStream>((resolve) => {
    accept = resolve;
  });
  const file = path.join(folder, 'r.sock');
  const listener = await system.listenUnix({ path: file, onStream: accept });
  const router = await system.connectUnix(file, { timeoutMs: 5000 });
  const agent = await accepted;
  await listener.close();
  rmSync(folder, { recursive: true });
  made.push(agent, router);
  return [agent, router];
}

export interface OnePump {
  readonly pump: Pump;
  /** The far end of the path, and the router's end of its socket. */
  readonly far: ByteStream;
  readonly router: ByteStream;
}

/** One pump, and what it is between in the test's own hands. */
export async function onePump(pumps: Pumps, { hidden = true, keepBackMs = 0 } = {}): Promise<OnePump> {
  const [[near, far], [agent, router]] = [await tcpPair(), await unixPair()];
  const pump = pumps.start({ path: near, router: agent, hidden, keepBackMs, ownKey: keys[0], peerKey: keys[1] });
  return { pump, far, router };
}

/** Two agents and the path between them, with the routers' ends of their sockets. */
export async function twoPumps(one: Pumps, other = one, { hidden = true } = {}) {
  const [[near, far], left, right] = [await tcpPair(), await unixPair(), await unixPair()];
  const pumps = [
    one.start({ path: near, router: left[0], hidden, ownKey: keys[0], peerKey: keys[1] }),
    other.start({ path: far, router: right[0], hidden, ownKey: keys[1], peerKey: keys[0] }),
  ] as const;
  return { pumps, routers: [left[1], right[1]] as const };
}

/** Collects what comes on a stream. */
export class Received {
  ended = false;
  private readonly chunks: Buffer[] = [];
  private length = 0;
  private waiting: { length: number; resolve: () => void } | undefined;

  constructor(stream: ByteStream) {
    stream.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk);
      this.length += chunk.length;
      this.check();
    });
    stream.on('end', () => {
      this.ended = true;
    });
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  /** Everything so far, once it is this long. */
  async atLeast(length: number): Promise<Buffer> {
    await new Promise<void>((resolve) => {
      this.waiting = { length, resolve };
      this.check();
    });
    return this.bytes;
  }

  private check(): void {
    if (this.waiting && this.length >= this.waiting.length) this.waiting.resolve();
  }
}
