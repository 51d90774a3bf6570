import type { Endpoint, Net } from '../core/net.js';
import { isPublicAddress } from '../core/reach.js';

/** Addresses of this machine that the internet can reach, as far as they tell. */
export function publicAddresses(net: Pick<Net, 'interfaces'>): readonly Endpoint['address'][] {
  return net.interfaces().flatMap(({ address, internal }) => (!internal && isPublicAddress(address) ? [address] : []));
}
