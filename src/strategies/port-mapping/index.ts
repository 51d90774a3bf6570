import { natPmp } from '../../discovery/gateway/nat-pmp.js';
import { pcp } from '../../discovery/gateway/pcp.js';
import { upnpIgd } from '../../discovery/gateway/upnp-igd.js';
import { mappedPortStrategy } from './mapped-port-strategy.js';

/** A port mapped on the default gateway by PCP (RFC 6887), NAT-PMP (RFC 6886) or UPnP-IGD, whichever it speaks. */
export const portMapping = mappedPortStrategy({ name: 'port-mapping', protocols: () => [pcp, natPmp, upnpIgd()] });
