import { mappingProtocols } from '../../discovery/gateway/mapping-protocols.js';
import { mappedPortStrategy } from './mapped-port-strategy.js';

/** A port mapped on the default gateway by whichever protocol it speaks. */
export const portMapping = mappedPortStrategy({ name: 'port-mapping', protocols: mappingProtocols });
