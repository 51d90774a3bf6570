import { deriveKey } from '../../core/attempt-secret.js';
import { describeError, StrategyError } from '../../core/errors.js';
import type { KernelTunnel, KernelTunnels } from '../../core/kernel-tunnel.js';
import type { Endpoint } from '../../core/net.js';
import { seal } from '../../core/sealing.js';
import { type AttemptContext, asPath, type Path, type PathInfo, type Role, type StrategyServices } from '../../core/strategy.js';
import type { Pair } from './checks.js';
import type { Offer } from './messages.js';

export interface TunnelPathOptions {
  readonly context: AttemptContext;
  readonly services: StrategyServices;
  readonly tunnels: KernelTunnels;
  readonly pair: Pair;
  readonly own: Offer;
  readonly peer: Offer;
  readonly info: PathInfo;
  /** A datagram came that is none of the tunnel's. */
  onMessage(data: Buffer, remote: Endpoint, answer: (data: Uint8Array) => void): void;
}

const tagLength = 8;

/**
 * The path in a tunnel, which takes the pair's socket over. As on a punched TCP connection, the peer is proven, and what follows is sealed
 * only if an end asks for it.
 *
 * @throws StrategyError TUNNEL_FAILED, PROOF_FAILED or SEALING_FAILED, or the signal's reason; the socket is the caller's to close then
 */
export async function openTunnelPath(options: TunnelPathOptions): Promise<Path> {
  const { context, services, own, peer, info } = options;
  const { role, secret, signal } = context;
  const { stream } = await open(options);
  const proven = await context.prove(stream, { speakFirst: role === 'controlling' });
  const congestion = services.net.tcpInfo(stream)?.congestion;
  const sealed = own.seal || peer.seal ? await seal(proven, { secret, role, clock: services.clock, signal }) : proven;
  return asPath(sealed, { ...info, ...(congestion ? { congestion } : {}) });
}

async function open({ context, tunnels, pair, own, peer, onMessage }: TunnelPathOptions): Promise<KernelTunnel> {
  const { role, secret, signal } = context;
  const tagOf = (end: Role) => deriveKey(secret, `tunnel ${end}`).subarray(0, tagLength);
  try {
    return await tunnels.open({
      local: pair.socket.local,
      release: () => pair.socket.close(),
      remote: pair.remote,
      listens: role === 'controlled',
      localId: own.streamId,
      remoteId: peer.streamId,
      key: deriveKey(secret, 'udp stream'),
      ownTag: tagOf(role),
      peerTag: tagOf(role === 'controlling' ? 'controlled' : 'controlling'),
      onMessage,
      signal,
    });
  } catch (cause) {
    signal.throwIfAborted();
    throw new StrategyError('TUNNEL_FAILED', `The tunnel did not come up: ${describeError(cause).message}.`, { cause });
  }
}
