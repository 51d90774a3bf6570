import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { formatEndpoint } from '../core/format-endpoint.js';
import type { Endpoint, InterfaceAddress } from '../core/net.js';
import { reachOf } from '../core/reach.js';

export { formatEndpoint };

/** Candidates one end may send; the rest is not looked at. */
export const maxCandidates = 16;
/** A peer's sockets are bound to dynamic ports, and NATs keep those apart from the well-known ones (RFC 4787, REQ-3). */
const lowestPort = 1024;

/** A transport address worth trying (RFC 8445, section 5.1.1). */
export const candidateSchema = z.object({
  type: z.enum(['host', 'server-reflexive', 'peer-reflexive', 'mapped']),
  address: z.string().max(45),
  port: z.number().int().min(lowestPort).max(65535),
});
export type Candidate = z.infer<typeof candidateSchema>;

/** Host candidates: this machine's own addresses at one port, those of the overlay and of no use to a peer left out. */
export function hostCandidates(interfaces: readonly InterfaceAddress[], port: number): Candidate[] {
  return interfaces
    .filter(({ internal, address }) => !internal && reachOf(address) !== 'nowhere')
    .map(({ address }) => ({ type: 'host' as const, address, port }));
}

/** The candidate that STUN found. */
export function reflexiveCandidate({ address, port }: Endpoint): Candidate {
  return { type: 'server-reflexive', address, port };
}

/** Each transport address once, host candidates first: an address that is both is the machine's own. */
export function distinct(candidates: readonly Candidate[]): Candidate[] {
  const byEndpoint = new Map<string, Candidate>();
  for (const candidate of candidates) {
    const endpoint = formatEndpoint(candidate);
    if (!byEndpoint.has(endpoint)) byEndpoint.set(endpoint, candidate);
  }
  return [...byEndpoint.values()].slice(0, maxCandidates);
}

/**
 * Which of the peer's candidates may be tried. What a peer sends is an attacker's word: addresses that lead to this machine, its
 * link, many machines or nobody are left out, and private ones need evidence that both ends share a network.
 * @param heardAt addresses at which the peer was heard on a network of this machine's
 */
export function usableCandidates(
  own: readonly Candidate[],
  remote: readonly Candidate[],
  heardAt: readonly string[] = [],
): Candidate[] {
  const shared = shareNetwork(own, remote);
  return remote.filter(({ address, port }) => {
    if (port < lowestPort || own.some((mine) => mine.type === 'host' && mine.address === address)) return false;
    const reach = reachOf(address);
    return reach === 'everywhere' || (reach === 'own network' && (shared || heardAt.includes(address)));
  });
}

/** Both ends look the same from outside, or have addresses of one IPv6 /64: then they share a network. */
function shareNetwork(own: readonly Candidate[], remote: readonly Candidate[]): boolean {
  const marks = (candidates: readonly Candidate[]) =>
    candidates.flatMap(({ type, address }) => {
      if (reachOf(address) !== 'everywhere') return [];
      if (address.includes(':')) return [ipv6Network(address)];
      return type === 'server-reflexive' ? [address] : [];
    });
  const ownMarks = new Set(marks(own));
  return marks(remote).some((mark) => ownMarks.has(mark));
}

function ipv6Network(address: string): string {
  return ipaddr.IPv6.parse(address).parts.slice(0, 4).join(':');
}
