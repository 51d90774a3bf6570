import { type Clock, systemClock } from '../core/clock.js';
import { permits } from '../core/config/permits.js';
import { StrategyError } from '../core/errors.js';
import { EventLogger } from '../core/event-logger.js';
import type { EventSource } from '../core/events.js';
import type { Files } from '../core/files.js';
import { GatewayPorts } from '../core/gateway-ports.js';
import type { Neighbours } from '../core/neighbours.js';
import type { Net } from '../core/net.js';
import type { KnownServices } from '../core/peer-services.js';
import type { Pumps } from '../core/pump.js';
import { type Random, systemRandom } from '../core/random.js';
import type { RelayTickets } from '../core/relay-tickets.js';
import type { ReliableUdp } from '../core/reliable-udp.js';
import type { StrategyServices } from '../core/strategy.js';
import { createStreamPumps } from '../core/stream-pump.js';
import type { Settings } from '../core/tokens.js';
import type { UpnpControl } from '../core/upnp-control.js';
import { PeerServers } from '../discovery/stun/peer-servers.js';
import { loadAddon } from '../native/addon.js';
import { createNativePumps } from '../native/native-pump.js';
import { createSocketPumps } from '../native/socket-pump.js';
import { createSystemNet } from '../native/system-net.js';
import { createKernelTunnels } from '../native/tunnel/kernel-tunnels.js';
import { createUdx } from '../native/udx/create-udx.js';

/** Parts of the system that a test or an embedder may bring along. */
export interface SystemParts {
  readonly net?: Net;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly files?: Files;
  /** @default udx on the system's sockets, or none beside a `net` of one's own */
  readonly reliableUdp?: ReliableUdp;
  /** @default on the system's sockets */
  readonly upnp?: UpnpControl;
}

/** What strategies may use: the system's parts where no others were brought along. */
export function makeServices(
  parts: SystemParts,
  about: {
    readonly settings: Settings;
    readonly events: EventSource;
    readonly knownServices: KnownServices;
    readonly relayTickets: RelayTickets;
    readonly neighbours: Neighbours;
  },
): StrategyServices {
  const { settings, events, knownServices, relayTickets, neighbours } = about;
  const { clock = systemClock, random = systemRandom } = parts;
  const loaded = loadAddon();
  const { net = createSystemNet(loaded) } = parts;
  const reliableUdp = parts.reliableUdp ?? (parts.net ? undefined : createUdx({ clock, random }).udp);
  const peerServers = new PeerServers(knownServices);
  return {
    net,
    clock,
    random,
    log: new EventLogger(events),
    stateDir: settings.current.stateDir,
    ...(parts.files ? { files: parts.files } : {}),
    gatewayPorts: new GatewayPorts(),
    ...(reliableUdp ? { reliableUdp } : {}),
    ...(!parts.net && loaded.addon ? { kernelTunnels: createKernelTunnels({ addon: loaded.addon, clock, random }) } : {}),
    ...(parts.upnp ? { upnp: parts.upnp } : {}),
    volunteers: {
      known: () => {
        knownServices.relaysAskedForAt = clock.now();
        return knownServices.of('relay');
      },
      ticket: async (peer, signal) => {
        if (!relayTickets.ask) throw new StrategyError('RELAY_NOT_ALLOWED', 'There are no links yet.');
        return relayTickets.ask(peer, signal);
      },
    },
    addresses: {
      get stunServers() {
        return settings.current.stun;
      },
      get stunPeers() {
        return peerServers.list((peer) => permits(settings.current, peer));
      },
      neighbour: (key) => neighbours.addressesOf(key),
    },
  };
}

/** What carries bridges: the addon's thread where there is one, and Node's streams for the rest and on a network of one's own. */
export function makePumps(parts: SystemParts, { clock }: Pick<StrategyServices, 'clock'>): Pumps {
  const streams = createStreamPumps(clock);
  if (parts.net) return streams;
  const { addon } = loadAddon();
  const sockets = createSocketPumps(streams);
  return addon ? createNativePumps(addon, sockets) : sockets;
}
