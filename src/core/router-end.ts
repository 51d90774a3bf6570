import type { ProvenPath } from './attempt.js';
import { BridgeError, type RatatoskrError } from './errors.js';
import { keepBackFor, type Pump, type Pumps } from './pump.js';
import { openRouterSocket, type RouterSocketOptions } from './router-socket.js';
import type { PathPeering } from './strategy.js';

/** The router's end of a bridge: a peering that it has, and what the path is to do for it. */
export interface RouterEnd {
  /** What the router knows the peering by: its URI less the query. */
  readonly identity: string;
  /** The other router dialled it. */
  readonly inbound: boolean;
  /** Carries what the routers say over the path, until either has ended. */
  carry(found: ProvenPath): Pump;
  /** Takes the peering away, as far as it is ours to take. Never rejects. */
  remove(): Promise<void>;
  /** Lets go of what the router has connected to. */
  destroy(): void;
}

/** Has the router dial the path itself, at a socket of ours. @throws BridgeError; nothing is left then */
export async function routerEndOfStream(options: RouterSocketOptions & { readonly pumps: Pumps }): Promise<RouterEnd> {
  const { uri, stream } = await openRouterSocket(options);
  // Not the options themselves: what is in them need not live as long as the bridge.
  const { pumps, router } = options;
  return {
    identity: withoutQuery(uri),
    inbound: false,
    carry: ({ path, hidden, overlayRttMs, ownKey, peer }) =>
      pumps.start({
        path,
        router: stream,
        hidden,
        keepBackMs: keepBackFor(overlayRttMs),
        ownKey: Buffer.from(ownKey, 'hex'),
        peerKey: Buffer.from(peer.key, 'hex'),
      }),
    remove: () => router.removePeer(uri).catch(() => {}),
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
    carry: ({ path }) => new SilentPump(path, peering),
    remove,
    destroy: () => {},
  };
}

/** The routers' datagrams pass beside the stream, which is silent from now on, and tells by its end that the other end has gone. */
class SilentPump implements Pump {
  readonly ended: Promise<RatatoskrError>;
  readonly delays = undefined;
  private settle: (reason: RatatoskrError) => void = () => {};

  constructor(
    private readonly path: ProvenPath['path'],
    private readonly peering: PathPeering,
  ) {
    this.ended = new Promise((resolve) => {
      this.settle = resolve;
    });
    const over = (why: string) => this.settle(new BridgeError('PATH_CLOSED', `The path ended: ${why}.`));
    path.once('error', ({ message }) => over(message));
    path.once('close', () => over('the other end closed it'));
    path.once('end', () => over('the other end closed it'));
    path.resume();
  }

  get counters() {
    const { bytesIn, bytesOut } = this.peering;
    return { bytesIn, bytesOut, dropped: 0, transitIn: 0, transitOut: 0 };
  }

  async end(reason: RatatoskrError): Promise<void> {
    this.settle(reason);
    this.path.destroy();
  }
}

function withoutQuery(uri: string): string {
  return uri.slice(0, uri.indexOf('?'));
}
