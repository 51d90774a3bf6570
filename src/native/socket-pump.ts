import net from 'node:net';
import type { Pumps } from '../core/pump.js';
import { canHandOver } from './byte-stream.js';

/** What one read of the router's socket may bring, in bytes: more than the socket holds. */
const routerBytes = 256 * 1024;
/** Of the path, whose bytes go on evenly. */
const pathBytes = 64 * 1024;

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
        lent: true,
      });
    },
  };
}

/**
 * A socket in place of another, which is an empty shell from then on; the end of either is that of both. Node lets reads go to memory
 * of the caller's only in a socket made for it. Its chunks are gone when the next one is read.
 */
function reuseReads(socket: net.Socket, bytes: number): net.Socket {
  const early: Buffer[] = [];
  for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null) early.push(chunk);
  const shell = socket as unknown as { _handle: unknown };
  const onread = {
    buffer: Buffer.allocUnsafeSlow(bytes),
    callback: (count: number, buffer: Uint8Array) => taken.emit('data', buffer.subarray(0, count)),
  };
  // A `drain` follows whatever was not taken at once.
  const options = { handle: shell._handle, onread, allowHalfOpen: true, writableHighWaterMark: 0 };
  const taken = new net.Socket(options as net.SocketConstructorOpts);
  shell._handle = null;
  if (early.length > 0) taken.unshift(Buffer.concat(early));
  taken.once('close', () => socket.destroy());
  socket.once('close', () => taken.destroy());
  taken.on('error', () => {});
  return taken;
}
