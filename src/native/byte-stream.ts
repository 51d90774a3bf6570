import fs from 'node:fs';
import net from 'node:net';
import type { ByteStream } from '../core/net.js';

/** Makes a stream of a connected descriptor, which it owns from then on. Nothing flows before the owner reads. */
export function adoptStream(fd: number): net.Socket {
  try {
    return prepareStream(new net.Socket({ fd, allowHalfOpen: true, readable: true, writable: true }));
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}

/** Settings that every stream of {@link Net} has. */
export function prepareStream(socket: net.Socket): net.Socket {
  // Without a listener, a reset before the owner attaches his own would end the process. He still finds it in `errored`.
  socket.on('error', () => {});
  socket.setNoDelay(true);
  return socket;
}

/** The descriptor of a live stream; undefined for closed ones and for those that are not sockets of this process. */
export function descriptorOf(stream: ByteStream): number | undefined {
  // Node has no public way to a socket's descriptor.
  const { _handle: handle } = stream as { _handle?: { fd?: unknown } | null };
  return typeof handle?.fd === 'number' && handle.fd >= 0 ? handle.fd : undefined;
}
