import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import type { Listener, ListenTcpOptions, ListenUnixOptions } from '../core/net.js';
import type { Addon } from './addon.js';
import { prepareStream } from './byte-stream.js';
import { systemError } from './system-error.js';

const defaultUnixMode = 0o600;

export async function listenTcp(addon: Addon | undefined, options: ListenTcpOptions): Promise<Listener> {
  const { local, sharePort = false } = options;
  if (net.isIP(local.address) === 0) throw systemError('EINVAL', 'bind', local.address);
  if (sharePort && !addon) throw systemError('ENOTSUP', 'bind', 'sharing a port needs the native addon');
  const server = newServer(options);
  if (addon) {
    const descriptor = addon.listenTcp({ address: local.address, port: local.port, sharePort });
    await listening(server, { fd: descriptor.take() });
  } else {
    await listening(server, { host: local.address, port: local.port, ipv6Only: net.isIPv6(local.address) });
  }
  watchAccepting(server, (error) => options.onError?.(error));
  const { address, port } = server.address() as net.AddressInfo;
  return { local: { address, port }, close: () => close(server) };
}

export async function listenUnix(addon: Addon | undefined, options: ListenUnixOptions): Promise<Listener> {
  const { path: file, mode = defaultUnixMode, uid } = options;
  const server = newServer(options);
  if (addon) {
    const descriptor = addon.listenUnix({ path: file, mode, ...(uid === undefined ? {} : { uid }) });
    await listening(server, { fd: descriptor.take() });
  } else if (process.platform === 'win32') {
    await listening(server, { path: file });
  } else {
    await listenUnixUnseen(server, file, mode, uid);
  }
  const made = fs.lstatSync(file, { throwIfNoEntry: false });
  const remove = () => {
    // Somebody may have put another file in its place since.
    const present = fs.lstatSync(file, { throwIfNoEntry: false });
    if (made && present && made.ino === present.ino && made.dev === present.dev) fs.rmSync(file, { force: true });
  };
  watchAccepting(server, remove);
  return { local: undefined, close: () => close(server, remove) };
}

/**
 * Node listens as soon as it binds, with the mode the umask leaves. So the socket is made where only this user can reach it
 * and moves to its place when mode and owner are right.
 */
async function listenUnixUnseen(server: net.Server, file: string, mode: number, uid: number | undefined): Promise<void> {
  if (fs.lstatSync(file, { throwIfNoEntry: false })) throw systemError('EADDRINUSE', 'bind', file);
  const folder = fs.mkdtempSync(path.join(path.dirname(file), '.'));
  const unseen = path.join(folder, 's');
  try {
    await listening(server, { path: unseen });
    if (uid !== undefined) fs.lchownSync(unseen, uid, -1);
    fs.chmodSync(unseen, mode);
    fs.renameSync(unseen, file);
  } catch (error) {
    if (server.listening) server.close();
    throw error;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

function newServer({ onStream }: Pick<ListenTcpOptions, 'onStream'>): net.Server {
  return net.createServer({ allowHalfOpen: true }, (socket) => onStream(prepareStream(socket)));
}

/** Errors of accept(2) that concern one connection, or a shortage that passes. */
const passing = new Set(['ECONNABORTED', 'EINTR', 'EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EPERM', 'EPROTO', 'ETIMEDOUT']);

function watchAccepting(server: net.Server, onFailure: (error: Error) => void): void {
  server.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== undefined && passing.has(error.code)) return;
    server.close();
    onFailure(error);
  });
}

function listening(server: net.Server, options: net.ListenOptions & { fd?: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // exclusive: in a cluster's worker the primary would listen instead.
    server.listen({ ...options, exclusive: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/**
 * Node closes the descriptor at once; its own callback waits for the accepted streams, which live on. They hold the server all the while, and
 * are not to hold with it what it was opened for.
 */
async function close(server: net.Server, release?: () => void): Promise<void> {
  if (!server.listening) return;
  server.close();
  server.removeAllListeners();
  release?.();
}
