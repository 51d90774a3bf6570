import { setMaxListeners } from 'node:events';
import net from 'node:net';
import os from 'node:os';
import type { ByteStream, ConnectTcpOptions } from '../core/net.js';
import type { Addon, NativeConnectOptions } from './addon.js';
import { adoptStream, prepareStream, readInto } from './byte-stream.js';
import { systemError } from './system-error.js';

/** Bytes read at once into a buffer that serves time and again. */
const transientBytes = 262_144;

/** Connects by the addon. */
export function connectByAddon(addon: Addon, options: ConnectTcpOptions): Promise<ByteStream> {
  const { signal } = options;
  return new Promise((resolve, reject) => {
    expectManyListeners(signal);
    signal?.throwIfAborted();
    const onAbort = () => {
      addon.cancel(id);
      reject(signal?.reason as Error);
    };
    const id = addon.connect(nativeOptions(options), (error, descriptor) => {
      signal?.removeEventListener('abort', onAbort);
      if (!descriptor) {
        reject(error as Error);
        return;
      }
      try {
        resolve(adoptStream(descriptor.take()));
      } catch (adoptError) {
        reject(adoptError as Error);
      }
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

function nativeOptions({ remote, local, sharePort, ttl, timeoutMs }: ConnectTcpOptions): NativeConnectOptions {
  return {
    address: remote.address,
    port: remote.port,
    ...(local?.address === undefined ? {} : { localAddress: local.address }),
    ...(local?.port === undefined ? {} : { localPort: local.port }),
    ...(sharePort === undefined ? {} : { sharePort }),
    ...(ttl === undefined ? {} : { ttl }),
    timeoutMs,
  };
}

/**
 * Connects by Node alone. Outgoing sockets may share a local port even so (libuv sets SO_REUSEADDR), which is all that
 * `sharePort` can mean here. A `ttl` is refused with ENOTSUP: a probe that was to die on the way would arrive.
 */
export async function connectByNode({ remote, local, ttl, timeoutMs, signal }: ConnectTcpOptions): Promise<ByteStream> {
  if (ttl !== undefined) throw systemError('ENOTSUP', 'setsockopt', 'a TTL needs the native addon');
  if (net.isIP(remote.address) === 0) throw systemError('EINVAL', 'connect', remote.address);
  // Newer Nodes dial an address whose scope does not exist without it, and wait.
  const scope = remote.address.split('%')[1];
  if (scope !== undefined && !(scope in os.networkInterfaces())) throw systemError('EINVAL', 'connect', remote.address);
  return connectSocket(
    {
      host: remote.address,
      port: remote.port,
      ...(local?.address === undefined ? {} : { localAddress: local.address }),
      ...(local?.port === undefined ? {} : { localPort: local.port }),
    },
    { timeoutMs, signal },
  );
}

interface ConnectOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** As in `connectUnix` of {@link Net}. */
  readonly transientChunks?: boolean | undefined;
}

/** Connects by Node; leaves nothing behind when it rejects. */
export function connectSocket(
  target: net.TcpSocketConnectOpts | net.IpcSocketConnectOpts,
  { timeoutMs, signal, transientChunks }: ConnectOptions,
): Promise<ByteStream> {
  return new Promise((resolve, reject) => {
    expectManyListeners(signal);
    signal?.throwIfAborted();
    const onread = transientChunks
      ? { onread: readInto(Buffer.allocUnsafeSlow(transientBytes), (chunk) => socket.emit('data', chunk)) }
      : {};
    const socket: net.Socket = net.connect({ ...target, ...onread, allowHalfOpen: true });
    const detail = 'path' in target ? target.path : `${target.host}:${target.port}`;
    const timer = setTimeout(() => fail(systemError('ETIMEDOUT', 'connect', detail)), timeoutMs);
    const onAbort = () => fail(signal?.reason as Error);
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.off('connect', onConnect);
    };
    const fail = (error: Error) => {
      settle();
      socket.destroy();
      reject(error);
    };
    const onConnect = () => {
      settle();
      socket.off('error', fail);
      resolve(prepareStream(socket));
    };
    socket.once('connect', onConnect);
    socket.once('error', fail);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** One signal may call off thousands of connects; each leaves it when it settles, so Node's leak warning would be wrong. */
function expectManyListeners(signal: AbortSignal | undefined): void {
  if (signal) setMaxListeners(0, signal);
}
