import { AgentError } from '../core/errors.js';
import type { Net } from '../core/net.js';
import { publicAddresses } from './public-addresses.js';

/** Where others reach what runs here: a host name, or an address without brackets. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

/**
 * The places that invites are made for.
 * @param named undefined takes the machine's public addresses, at the port
 * @throws AgentError RELAY_PLACE_MISSING
 */
export function invitedPlaces(named: readonly Place[] | undefined, port: number, net: Pick<Net, 'interfaces'>): readonly Place[] {
  const places = named ?? publicAddresses(net).map((host) => ({ host, port }));
  if (places.length === 0) throw new AgentError('RELAY_PLACE_MISSING', 'This machine has no public address to name.');
  return places;
}
