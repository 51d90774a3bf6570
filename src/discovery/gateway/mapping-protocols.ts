import type { MappingProtocol } from './mapping-protocol.js';
import { natPmp } from './nat-pmp.js';
import { pcp } from './pcp.js';
import { upnpIgd } from './upnp-igd.js';

/** The protocols by which gateways map ports, the preferred first: PCP (RFC 6887), NAT-PMP (RFC 6886) and UPnP-IGD. */
export function mappingProtocols(): readonly MappingProtocol[] {
  return [pcp, natPmp, upnpIgd()];
}
