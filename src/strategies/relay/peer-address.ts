import type { Endpoint } from '../../core/net.js';
import { formatEndpoint, usableCandidates } from '../../discovery/candidates.js';

/**
 * May we connect to what the peer calls a relay? Its word is an attacker's: a public address, or one where our own operator has
 * named a relay too, be it private.
 * @param named addresses of the relays that our operator named
 */
export function mayBeRelay(address: string, named: readonly string[]): boolean {
  return named.includes(address) || isPublic({ address, port: 65_535 });
}

/** May we connect to the place that the peer opened at this relay? On the relay itself, or at a public address (a relay may have several). */
export function mayBePlace(place: Endpoint, relay: string): boolean {
  return place.address === relay || isPublic(place);
}

/** Addresses the peer may come from: whoever is let in must still prove himself, so what is refused here only leads nowhere. */
export function permissible(seen: readonly string[]): string[] {
  return seen.filter((address) => !/^(0|127)\.|^::1?$/.test(address));
}

function isPublic({ address, port }: Endpoint): boolean {
  return usableCandidates([], [{ type: 'server-reflexive', address, port }]).some((usable) => formatEndpoint(usable) !== '');
}
