import { describe, test } from 'vitest';
import natUpnp from '../../plugins/ratatoskr-strategy-nat-upnp/src/index.js';
import { loopback, simulated, strategyConformance } from '../../src/testing.js';

// nat-upnp brings its own sockets and thread, which no gateway of a simulation can answer: here there is none to ask, and with a real
// one it is tested in the laboratory.
const noGateway = { defaultRoute: async () => undefined };

describe.each([simulated, loopback])('ratatoskr-strategy-nat-upnp keeps the contract on the $name', (networks) => {
  strategyConformance({
    test,
    unclaimed: 'omit',
    factory: (services) => natUpnp.create(natUpnp.options.parse({}), { ...services, net: { ...services.net, ...noGateway } }),
    supports: { opens: ['public'] },
    networks,
  });
});
