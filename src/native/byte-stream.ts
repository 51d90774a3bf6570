import fs from 'node:fs';
import net from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import tls from 'node:tls';
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

/** Has a socket read into one buffer, time and again. */
export function readInto(buffer: Buffer, onChunk: (chunk: Buffer) => void): net.OnReadOpts {
  return {
    buffer,
    callback: (length) => {
      onChunk(buffer.subarray(0, length));
      return true;
    },
  };
}

/** The descriptor of a live stream; undefined for closed ones and for those that are not sockets of this process. */
export function descriptorOf(stream: ByteStream): number | undefined {
  // Node has no public way to a socket's descriptor.
  const { _handle: handle } = stream as { _handle?: { fd?: unknown } | null };
  return typeof handle?.fd === 'number' && handle.fd >= 0 ? handle.fd : undefined;
}

/** A stream whose bytes another reader takes from its descriptor from now on. */
export interface HandedOver {
  readonly fd: number;
  /** What this process has read of it and nobody has taken. */
  readonly early: Buffer;
}

/** Is it a socket of this process, with nothing (such as TLS) between its bytes and the descriptor? */
export function canHandOver(stream: Duplex): stream is net.Socket {
  return stream instanceof net.Socket && !(stream instanceof tls.TLSSocket) && descriptorOf(stream) !== undefined;
}

/** Takes what has been read of a stream that nobody has listened to. */
export function takeEarly(stream: Readable): Buffer {
  const chunks: Buffer[] = [];
  for (let chunk = stream.read() as Buffer | null; chunk !== null; chunk = stream.read() as Buffer | null) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Stops reading it. It stays the owner of its descriptor. @throws Error when it is closed */
export function handOver(stream: net.Socket): HandedOver {
  const early = takeEarly(stream);
  const fd = descriptorOf(stream);
  if (fd === undefined) throw new Error('it is closed');
  // The reads above have asked for more. Pausing the stream would not stop what is beneath it.
  (stream as unknown as { _handle: { readStop(): void } })._handle.readStop();
  return { fd, early };
}

/** Resolves when everything that was written is with the kernel, or never will be. */
export async function flushed(stream: Duplex): Promise<void> {
  if (stream.writableLength > 0) await new Promise<void>((resolve) => stream.write('', () => resolve()));
}
