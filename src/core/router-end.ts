import { setMaxListeners } from 'node:events';
import { pipeline } from 'node:stream';
import { EvenFlow } from './even-flow.js';
import { openRouterSocket, type RouterSocketOptions } from './router-socket.js';
import type { Path, PathPeering } from './strategy.js';

/** The router's end of a bridge: a peering that it has, and what the path is to do for it. */
export interface RouterEnd {
  /** What the router knows the peering by: its URI less the query. */
  readonly identity: string;
  /** The other router dialled it. */
  readonly inbound: boolean;
  /** Bytes from the router and to it so far. */
  readonly bytesOut: number;
  readonly bytesIn: number;
  /** Carries what the routers say until either has ended; resolves with why. Never rejects. */
  carry(path: Path): Promise<Error>;
  /** Takes the peering away, as far as it is ours to take. Never rejects. */
  remove(): Promise<void>;
  /** Lets go of what the router has connected to. */
  destroy(): void;
}

/** Has the router dial the path itself, at a socket of ours. @throws BridgeError; nothing is left then */
export async function routerEndOfStream(options: RouterSocketOptions): Promise<RouterEnd> {
  const { uri, stream } = await openRouterSocket(options);
  return {
    identity: withoutQuery(uri),
    inbound: false,
    // As the router sees it.
    get bytesOut() {
      return stream.bytesRead ?? 0;
    },
    get bytesIn() {
      return stream.bytesWritten ?? 0;
    },
    carry: (path) =>
      new Promise((resolve) => {
        // Two pipelines listen often enough for Node to suspect a leak.
        setMaxListeners(0, path, stream);
        pipeline(path, new EvenFlow(options.clock), stream, (error) => resolve(error ?? new Error('the other end closed it')));
        pipeline(stream, path, (error) => resolve(error ?? new Error('the router closed it')));
      }),
    remove: () => options.router.removePeer(uri).catch(() => {}),
    destroy: () => void stream.destroy(),
  };
}

/**
 * Has one router dial the other beside the path. The key pins the peer at the end that dials; at the other end the agent looks
 * who has come. There is no password: it would have to be in the operator's own listener.
 * @throws what the admin client throws
 */
export async function routerEndBeside(
  peering: PathPeering,
  { router, peerKey, priority, signal }: Pick<RouterSocketOptions, 'router' | 'peerKey' | 'priority' | 'signal'>,
): Promise<RouterEnd> {
  const uri = `${peering.uri}?key=${peerKey}&priority=${priority}&maxbackoff=5s`;
  const remove = async () => {
    if (peering.dials) await router.removePeer(uri).catch(() => {});
  };
  try {
    if (peering.dials) await router.addPeer(uri, signal);
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    identity: peering.uri,
    inbound: !peering.dials,
    get bytesOut() {
      return peering.bytesOut;
    },
    get bytesIn() {
      return peering.bytesIn;
    },
    // The stream is silent from now on, and tells by its end that the other end has gone.
    carry: (path) =>
      new Promise((resolve) => {
        path.once('error', resolve);
        path.once('close', () => resolve(new Error('the other end closed it')));
        path.once('end', () => resolve(new Error('the other end closed it')));
        path.resume();
      }),
    remove,
    destroy: () => {},
  };
}

function withoutQuery(uri: string): string {
  return uri.slice(0, uri.indexOf('?'));
}
