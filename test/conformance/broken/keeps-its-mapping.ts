import { mappingProtocols } from '../../../src/discovery/gateway/mapping-protocols.js';
import { mappedPortStrategy } from '../../../src/strategies/port-mapping/mapped-port-strategy.js';

/** Says that it has taken a mapping back, and has not. */
export const keepsItsMapping = mappedPortStrategy({
  name: 'keeps-its-mapping',
  protocols: () => mappingProtocols().map((protocol) => ({ ...protocol, unmap: async () => true })),
});
