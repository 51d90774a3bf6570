import type { Host, Site } from '../../../src/testing.js';

/** The kinds of test/lab/nat-kinds.ts as the simulated network has them. Linux gives a socket one port for all destinations, if it can. */
export const kinds: Readonly<Record<string, (world: Site, name: string) => Host>> = {
  public: (world, name) => world.host(name),
  fw: (world, name) => world.host(name, { firewall: {} }),
  cone: (world, name) => world.nat({ filtering: 'endpoint-independent' }).host(name),
  prc: (world, name) => world.nat().host(name),
  prcrst: (world, name) => world.nat({ unexpected: 'reset' }).host(name),
  sym: (world, name) => world.nat({ mapping: 'address-and-port-dependent', allocation: 'random' }).host(name),
  symupnp: (world, name) =>
    world.nat({ mapping: 'address-and-port-dependent', allocation: 'random', maps: ['upnp', 'nat-pmp', 'pcp'] }).host(name),
  cgnat: (world, name) => world.nat({ inside: 'carrier-grade' }).nat().host(name),
  udpblock: (world, name) => world.nat({ forwardsUdp: false }).host(name),
};
