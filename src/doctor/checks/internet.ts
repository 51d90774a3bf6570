import { reachOf } from '../../core/reach.js';
import { type FindGateway, type Gateway, gatewayFinder } from '../../discovery/gateway/default-gateway.js';
import { type Finding, ok, problem } from '../finding.js';
import type { Patient } from '../patient.js';

/** The way out of this machine, for each family that has one. */
export interface Internet {
  readonly gateways: readonly Gateway[];
  /** Addresses that the whole internet can name, if not reach. */
  readonly publicAddresses: readonly string[];
}

/** @param findGateway for tests */
export async function lookAtInternet({ services: { net } }: Patient, findGateway?: FindGateway): Promise<Internet> {
  const find = findGateway ?? gatewayFinder(net);
  const found = await Promise.all(([4, 6] as const).map((family) => find(family).catch(() => undefined)));
  const publicAddresses = net.interfaces().flatMap(({ address }) => (reachOf(address) === 'everywhere' ? address : []));
  return { gateways: found.filter((gateway) => gateway !== undefined), publicAddresses };
}

export function internetFinding({ gateways, publicAddresses }: Internet): Finding {
  if (gateways.length === 0) return problem('internet', 'INTERNET_MISSING', 'This machine has no default route of IPv4 or IPv6.');
  const ways = ([4, 6] as const).map((family) => {
    const gateway = gateways.find((each) => each.family === family);
    if (!gateway) return `no IPv${family}`;
    const standing = publicAddresses.includes(gateway.own) ? 'public' : 'private';
    return `IPv${family} through ${gateway.address} on ${gateway.interface}, with the ${standing} address ${gateway.own}`;
  });
  return ok('internet', `There is ${ways.join('; ')}.`);
}
