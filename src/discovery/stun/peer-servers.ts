import { isIPv4 } from 'node:net';
import type { KnownService } from '../../core/peer-services.js';
import { formatEndpoint } from '../candidates.js';

/** Peers asked at most. */
const maxPeers = 4;

/**
 * The STUN responders of peers that are worth asking, as `host:port`: one a peer, lest one peer agree with itself, and IPv4 alone,
 * for there is no NAT to learn of elsewhere.
 * @param offered those of the newest links first
 */
export function peerServers(offered: readonly KnownService[]): string[] {
  const servers = new Map<string, string>();
  for (const { peer, endpoint } of offered) {
    if (isIPv4(endpoint.address) && !servers.has(peer.key)) servers.set(peer.key, formatEndpoint(endpoint));
  }
  return [...new Set(servers.values())].slice(0, maxPeers);
}
