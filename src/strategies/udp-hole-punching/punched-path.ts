import { isIPv6 } from 'node:net';
import { deriveKey } from '../../core/attempt-secret.js';
import type { Endpoint } from '../../core/net.js';
import type { ReliableUdpSocket } from '../../core/reliable-udp.js';
import { seal } from '../../core/sealing.js';
import { type AttemptContext, asPath, type Path, type PathInfo, type StrategyServices } from '../../core/strategy.js';
import { formatEndpoint } from '../../discovery/candidates.js';
import type { CarrierChoice } from './carriers.js';
import type { Pair } from './checks.js';
import type { Offer } from './messages.js';
import { isQuic, QuicForwarder } from './quic-forwarder.js';
import { openTunnelPath } from './tunnel-path.js';

export interface PunchedPathOptions {
  readonly context: AttemptContext;
  readonly services: StrategyServices;
  readonly pair: Pair;
  readonly own: Offer;
  readonly peer: Offer;
  readonly choice: CarrierChoice;
  /** Of this end's router, for quic. */
  readonly listener: Endpoint | undefined;
  /** A check came after the socket has become a tunnel's. */
  onCheck(data: Buffer, remote: Endpoint, answer: (data: Uint8Array) => void): void;
}

export interface PunchedPath {
  readonly path: Path;
  /** A datagram came that is no stream's. @returns whether it was one for the router; then it has been dealt with */
  take(socket: ReliableUdpSocket, data: Buffer, from: Endpoint): boolean;
}

/**
 * The path over a pair, which owns its socket from then on. The checks were the proof that the peer is there; the seal is the proof that it
 * made each byte, except in a tunnel.
 */
export async function openPunchedPath(options: PunchedPathOptions): Promise<PunchedPath> {
  const { context, services, pair, own, peer, choice, listener } = options;
  const { secret, role, signal } = context;
  const { net, clock, kernelTunnels: tunnels } = services;
  const { socket, remote } = pair;
  const info: PathInfo = {
    kind: 'direct',
    local: formatEndpoint({ ...socket.local, address: addressFor(remote, own) ?? socket.local.address }),
    remote: formatEndpoint(remote),
    carrier: choice.carrier,
  };
  if (choice.carrier === 'tunnel' && tunnels) {
    const path = await openTunnelPath({ context, services, tunnels, pair, own, peer, info, onMessage: options.onCheck });
    return { path, take: () => false };
  }
  const stream = socket.open({ remote, localId: own.streamId, remoteId: peer.streamId, key: deriveKey(secret, 'udp stream') });
  stream.on('error', () => {});
  const sealed = await seal(stream, { secret, role, clock, signal });
  let forwarder: QuicForwarder | undefined;
  if (choice.carrier === 'quic') {
    const send = (data: Buffer) => socket.send(data, stream.remote);
    try {
      forwarder = await QuicForwarder.open({ net, clock, listener: choice.dials ? undefined : listener, send });
    } catch (error) {
      sealed.destroy();
      throw error;
    }
  }
  // Not when the sealed one closes: its last bytes may still be on their way then.
  stream.once('close', () => void Promise.resolve(forwarder?.end()).finally(() => socket.close()));
  return {
    path: asPath(sealed, info, forwarder),
    take: (at, data, { address, port }) => {
      if (!forwarder || at !== socket || !isQuic(data)) return false;
      // From where the stream's own datagrams come.
      if (address === stream.remote.address && port === stream.remote.port) forwarder.takeFromPeer(data);
      return true;
    },
  };
}

/** This machine's address towards a remote, where there is but one that it can be: the sockets are bound to all. */
function addressFor(remote: Endpoint, own: Offer): string | undefined {
  const hosts = own.candidates.filter(({ type, address }) => type === 'host' && isIPv6(address) === isIPv6(remote.address));
  return hosts.length === 1 ? hosts[0]?.address : undefined;
}
