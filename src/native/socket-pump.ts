import fs from 'node:fs';
import net from 'node:net';
import type { Pumps } from '../core/pump.js';
import { canHandOver, descriptorOf, readInto, takeEarly } from './byte-stream.js';

/** What one read of the router's socket may bring, in bytes: more than the socket holds. */
const routerBytes = 256 * 1024;
/** Of the path, whose bytes go on evenly: one packet as large as a router makes them, with its head. */
const pathBytes = 66 * 1024;

/** Pumps of Node's streams that make no garbage: where both are sockets, all reads of one go to the same memory. */
export function createSocketPumps(streams: Pumps): Pumps {
  return {
    start(options) {
      const { path, router } = options;
      // What waits to be written is with the stream that it was written to.
      const able = canHandOver(path) && canHandOver(router) && path.writableLength === 0 && router.writableLength === 0;
      if (!able) return streams.start(options);
      return streams.start({
        ...options,
        path: reuseReads(path, pathBytes),
        router: reuseReads(router, routerBytes),
        lentPathBytes: pathBytes,
      });
    },
  };
}

/**
 * A socket in place of another, which is an empty shell from then on; the end of either is that of both. Node lets reads go to memory
 * of the caller's only in a socket made for it. Its chunks are gone when the next one is read.
 */
function reuseReads(socket: net.Socket, bytes: number): net.Socket {
  const early = takeEarly(socket);
  const shell = socket as unknown as { _handle: unknown };
  const taken = new LeanSocket(shell._handle, Buffer.allocUnsafeSlow(bytes));
  shell._handle = null;
  if (early.length > 0) taken.unshift(early);
  taken.once('close', () => socket.destroy());
  socket.once('close', () => taken.destroy());
  taken.on('error', () => {});
  return taken;
}

type Written = (error?: Error | null) => void;

/** Reads to one piece of memory, and hands the kernel what it takes at once without the books that Node keeps of each write. */
class LeanSocket extends net.Socket {
  constructor(handle: unknown, memory: Buffer) {
    const onread = readInto(memory, (chunk) => this.emit('data', chunk));
    // A `drain` follows whatever was not taken at once.
    super({ handle, onread, allowHalfOpen: true, writableHighWaterMark: 0 } as net.SocketConstructorOpts);
  }

  override write(chunk: Uint8Array | string, written?: Written): boolean;
  override write(chunk: Uint8Array | string, encoding?: BufferEncoding, written?: Written): boolean;
  override write(chunk: Uint8Array | string, encoding?: BufferEncoding | Written, written?: Written): boolean {
    if (typeof chunk === 'string' || encoding || written) return super.write(chunk, encoding as BufferEncoding, written);
    const taken = this.writeAtOnce(chunk);
    return taken === chunk.length || super.write(chunk.subarray(taken));
  }

  /** @returns how many bytes the kernel has taken, before which none wait */
  private writeAtOnce(chunk: Uint8Array): number {
    const fd = descriptorOf(this);
    if (fd === undefined || !this.writable || this.writableLength > 0) return 0;
    try {
      return fs.writeSync(fd, chunk);
    } catch {
      // It is full, or broken: the stream's own write waits, or tells.
      return 0;
    }
  }
}
