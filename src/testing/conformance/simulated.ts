import { MemoryFiles } from '../memory-files.js';
import { Nat } from '../nat.js';
import type { NatBehaviour } from '../nat-behaviour.js';
import { SimulatedNetwork } from '../network.js';
import { SimulatedReliableUdp } from '../reliable-udp.js';
import type { Site } from '../site.js';
import { serveStun } from '../stun-server.js';
import { simulatedUpnp } from '../upnp-control.js';
import type { ConformanceNetwork, ConformanceNetworks, Place } from './network.js';
import { type Situation, situations } from './situation.js';

const symmetric: NatBehaviour = { mapping: 'address-and-port-dependent', allocation: 'random' };

/** Puts the two ends, each at a site of the network, into a situation. */
const sites: Readonly<Record<Situation, (world: SimulatedNetwork) => readonly [Site, Site]>> = {
  public: (world) => [world, world],
  'one-nat': (world) => [world, world.nat()],
  'two-nats': (world) => [world.nat(), world.nat()],
  'symmetric-nats': (world) => [world.nat(symmetric), world.nat(symmetric)],
  'mapping-gateway': (world) => [world.nat({ ...symmetric, maps: ['pcp'] }), world.nat(symmetric)],
  'no-udp': (world) => [world.nat({ forwardsUdp: false }), world.nat({ forwardsUdp: false })],
};

/** Simulated networks: every situation, no sockets, no waiting. */
export const simulated: ConformanceNetworks = {
  name: 'simulated network',
  situations: Object.keys(situations) as Situation[],
  losesPackets: true,
  async open(situation): Promise<ConformanceNetwork> {
    const world = new SimulatedNetwork({ seed: situation });
    const homes = sites[situation](world);
    const hosts = [homes[0].host('first'), homes[1].host('second')] as const;
    const stun = [world.host('stun-1', { addresses: 2 }), world.host('stun-2')];
    const stunServers = await world.until(Promise.all(stun.map((host) => serveStun(host))));
    const place = ({ net, clock, random }: (typeof hosts)[number]): Place => ({
      net,
      clock,
      random,
      files: new MemoryFiles(),
      stateDir: '/var/lib/strategy',
      addresses: { stunServers },
      reliableUdp: new SimulatedReliableUdp(net, clock),
      upnp: simulatedUpnp,
    });
    const server = world.host('server');
    return {
      places: [place(hosts[0]), place(hosts[1])],
      server: { net: server.net, clock: world.clock, address: server.address },
      clock: world.clock,
      until: (promise, limitMs) => world.until(promise, limitMs),
      cut() {
        world.router.filter(() => false);
      },
      mappings: () => homes.flatMap(({ router }) => (router instanceof Nat ? router.requestedMappings : [])),
      async close() {},
    };
  },
};
