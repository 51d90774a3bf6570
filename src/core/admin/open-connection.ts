import type { Clock } from '../clock.js';
import { AdminError } from '../errors.js';
import type { ByteStream, Net, PeerCredentials } from '../net.js';
import type { AdminTarget } from './admin-uri.js';
import { AdminConnection } from './connection.js';
import { explainForbidden } from './socket-permission.js';

/** Milliseconds for a connection to come about. */
const connectTimeoutMs = 3000;

/**
 * Connects to an admin socket.
 * @throws AdminError ADMIN_UNREACHABLE, ADMIN_FORBIDDEN; the signal's reason
 */
export async function openAdminConnection(
  target: AdminTarget,
  { net, clock, signal }: { readonly net: Net; readonly clock: Clock; readonly signal: AbortSignal },
): Promise<{ readonly connection: AdminConnection; readonly process: PeerCredentials | undefined }> {
  try {
    const stream = await dial(target, net, signal);
    const credentials = target.kind === 'unix' ? net.peerCredentials(stream) : undefined;
    return { connection: new AdminConnection(stream, clock), process: credentials };
  } catch (error) {
    signal.throwIfAborted();
    const { code } = error as NodeJS.ErrnoException;
    if (target.kind === 'unix' && (code === 'EACCES' || code === 'EPERM')) throw await explainForbidden(target.path, error);
    throw new AdminError('ADMIN_UNREACHABLE', `No router answers at ${target.uri}: ${inWords(error)}.`, { cause: error });
  }
}

async function dial(target: AdminTarget, net: Net, signal: AbortSignal): Promise<ByteStream> {
  if (target.kind === 'unix') return net.connectUnix(target.path, { timeoutMs: connectTimeoutMs, signal, transientChunks: true });
  const failures: unknown[] = [];
  for (const address of await net.resolve(target.host, { signal })) {
    try {
      return await net.connectTcp({ remote: { address, port: target.port }, timeoutMs: connectTimeoutMs, signal });
    } catch (error) {
      signal.throwIfAborted();
      failures.push(error);
    }
  }
  throw failures.length > 0 ? failures[0] : new Error(`${target.host} has no address`);
}

function inWords(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such socket';
  if (code === 'ECONNREFUSED') return 'nothing listens there';
  return message;
}
