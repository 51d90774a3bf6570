import { chmod } from 'node:fs/promises';
import path from 'node:path';
import { deriveKey } from './attempt-secret.js';
import type { Clock } from './clock.js';
import { withDeadline } from './deadline.js';
import { BridgeError } from './errors.js';
import type { ByteStream, Listener, Net } from './net.js';
import type { Router } from './router.js';

/** How long the router may take to dial what it was given, in milliseconds. */
const dialDeadlineMs = 6000;
/** Shortest pause between dials that yggdrasil accepts, as it writes durations. */
const maxBackoff = '5s';

export interface RouterSocketOptions {
  readonly net: Net;
  readonly clock: Clock;
  readonly router: Router;
  readonly runtimeDir: string;
  /** `auto` is unix where the platform has unix sockets. */
  readonly kind: 'auto' | 'unix' | 'tcp';
  /** Attempt id: names the socket, and so the peering. */
  readonly id: string;
  readonly peerKey: string;
  readonly secret: Uint8Array;
  /** Peering priority, 0 to 255; the lower is preferred. */
  readonly priority: number;
  readonly signal: AbortSignal;
}

/** One peering of the router, from its side: the URI that it holds and the stream that it dialled. */
export interface RouterSocket {
  readonly uri: string;
  readonly stream: ByteStream;
}

/**
 * Gives the router one more peer and accepts its one connection. The key pins the peer; the password, derived by both ends
 * from the attempt's secret, keeps a recorded link handshake from being played back.
 * @throws BridgeError; the peering and the socket are gone then
 */
export async function openRouterSocket(options: RouterSocketOptions): Promise<RouterSocket> {
  const { clock, router, signal } = options;
  let accepted: (stream: ByteStream) => void = () => {};
  const dialled = new Promise<ByteStream>((resolve) => {
    accepted = resolve;
  });
  const { listener, base } = await listen(options, (stream) => {
    if (isRouter(options, stream)) accepted(stream);
    else stream.destroy();
  });
  const password = Buffer.from(deriveKey(options.secret, 'router password', 24)).toString('hex');
  const uri = `${base}?key=${options.peerKey}&password=${password}&priority=${options.priority}&maxbackoff=${maxBackoff}`;
  try {
    await router.addPeer(uri, signal);
    const stream = await withDeadline(dialled, {
      clock,
      timeoutMs: dialDeadlineMs,
      signal,
      expired: () =>
        new BridgeError('ROUTER_DID_NOT_DIAL', `The router did not connect to ${base} within ${dialDeadlineMs / 1000} s.`),
    });
    return { uri, stream };
  } catch (error) {
    // One that connected while we were giving up.
    dialled.then((stream) => stream.destroy()).catch(() => {});
    await router.removePeer(uri).catch(() => {});
    throw error;
  } finally {
    await listener.close();
  }
}

async function listen(
  options: RouterSocketOptions,
  onStream: (stream: ByteStream) => void,
): Promise<{ listener: Listener; base: string }> {
  const { net, kind, id, runtimeDir, router } = options;
  if (kind === 'tcp' || (kind === 'auto' && process.platform === 'win32')) {
    const listener = await net.listenTcp({ local: { address: '127.0.0.1', port: 0 }, onStream });
    return { listener, base: `tcp://127.0.0.1:${listener.local?.port ?? 0}/${id}` };
  }
  const file = path.join(runtimeDir, `${id}.sock`);
  const base = `unix://${encodeURI(file)}`;
  const uid = router.process?.uid;
  const own = process.getuid?.();
  if (uid === undefined || uid === own) return { listener: await net.listenUnix({ path: file, onStream }), base };
  // A router of another user, root included, whom yggdrasil's own unit denies CAP_DAC_OVERRIDE: it becomes the socket's owner where we
  // may give files away; otherwise its name is the secret.
  const listener = await net.listenUnix(own === 0 ? { path: file, uid, onStream } : { path: file, mode: 0o666, onStream });
  await chmod(runtimeDir, 0o711);
  return { listener, base };
}

/** Only the router's own process may take the bridge, where the system can tell. */
function isRouter({ net, router }: RouterSocketOptions, stream: ByteStream): boolean {
  const credentials = net.peerCredentials(stream);
  return !credentials || !router.process || credentials.pid === router.process.pid;
}
