import { isIPv4 } from 'node:net';
import type { PeerRef } from '../../core/events.js';
import type { KnownService, KnownServices } from '../../core/peer-services.js';
import { formatEndpoint } from '../candidates.js';

/** Peers asked at most. */
const maxAsked = 4;
/** Peers remembered whose links have ended. */
const maxMet = 16;

/**
 * The STUN responders of peers that are worth asking. Links come and go with the traffic of a session, and a responder stays: those met
 * before come after those of the links there are.
 */
export class PeerServers {
  /** By key, the one heard of last at the end. */
  private readonly met = new Map<string, KnownService>();

  constructor(private readonly known: KnownServices) {
    known.learners.add((peer, { stun }) => {
      this.met.delete(peer.key);
      // There is no NAT to learn of with IPv6.
      const endpoint = stun.find(({ address }) => isIPv4(address));
      if (endpoint) this.met.set(peer.key, { peer, endpoint });
      const [oldest] = this.met.keys();
      if (this.met.size > maxMet && oldest !== undefined) this.met.delete(oldest);
    });
  }

  /** As `host:port`, the newest first, each once, and one a peer, lest a peer agree with itself. @param permits which peers to ask */
  list(permits: (peer: PeerRef) => boolean): string[] {
    const candidates = [...this.known.of('stun'), ...[...this.met.values()].reverse()];
    const servers = new Map<string, string>();
    for (const { peer, endpoint } of candidates) {
      if (isIPv4(endpoint.address) && !servers.has(peer.key) && permits(peer)) servers.set(peer.key, formatEndpoint(endpoint));
    }
    return [...new Set(servers.values())].slice(0, maxAsked);
  }
}
