import ipaddr from 'ipaddr.js';
import { isOverlayAddress } from './overlay-address.js';

/** Where an address can be reached from, as far as the address tells. */
export type Reach = 'everywhere' | 'own network' | 'nowhere';

/** Judges an address that a peer may have sent: this machine, its link, many machines at once and what is no address are `nowhere`. */
export function reachOf(address: string): Reach {
  if (!ipaddr.isValid(address) || address.includes('%') || metadataAddresses.has(address) || isOverlayAddress(address))
    return 'nowhere';
  const range: string = ipaddr.parse(address).range();
  if (range === 'unicast') return 'everywhere';
  return range === 'private' || range === 'carrierGradeNat' || range === 'uniqueLocal' ? 'own network' : 'nowhere';
}

/** Can the whole internet reach it, as far as the address tells? */
export function isPublicAddress(address: string): boolean {
  return reachOf(address) === 'everywhere';
}

/** Cloud metadata services, which answer whoever can reach them. */
const metadataAddresses = new Set(['169.254.169.254', '100.100.100.200', 'fd00:ec2::254']);
