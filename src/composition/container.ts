import { type DependencyContainer, container as rootContainer } from 'tsyringe';
import { AdminRouter } from '../core/admin/admin-router.js';
import { Bridges } from '../core/bridge.js';
import type { Clock } from '../core/clock.js';
import { Discovery } from '../core/discovery.js';
import type { DiscoverySource } from '../core/discovery-source.js';
import type { EventSource } from '../core/events.js';
import type { GossipLinks } from '../core/gossip-links.js';
import type { Net } from '../core/net.js';
import type { KnownServices, OfferedServices } from '../core/peer-services.js';
import { Peerings } from '../core/peerings.js';
import type { Pumps } from '../core/pump.js';
import type { Random } from '../core/random.js';
import type { RelayTickets } from '../core/relay-tickets.js';
import { SessionLoop } from '../core/session-loop.js';
import { SessionWorth } from '../core/session-worth.js';
import { Admission } from '../core/signalling/admission.js';
import { ServiceExchange } from '../core/signalling/service-exchange.js';
import { Signalling } from '../core/signalling/signalling.js';
import { SignallingLinks } from '../core/signalling/signalling-links.js';
import type { Strategy } from '../core/strategy.js';
import type { SuccessMemory } from '../core/success-memory.js';
import { type Settings, tokens } from '../core/tokens.js';

export interface Composition {
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
  readonly pumps: Pumps;
  readonly events: EventSource;
  readonly settings: Settings;
  readonly strategies: readonly Strategy[];
  readonly discovery: readonly DiscoverySource[];
  readonly router: AdminRouter;
  readonly offeredServices: OfferedServices;
  readonly knownServices: KnownServices;
  readonly relayTickets: RelayTickets;
  readonly gossip: GossipLinks;
  readonly memory: SuccessMemory;
  readonly runtimeDir: string;
  readonly agentVersion: string;
}

/** One container an agent, so that a process may run many. */
export function compose(parts: Composition): DependencyContainer {
  const container = rootContainer.createChildContainer();
  container.register(tokens.net, { useValue: parts.net });
  container.register(tokens.clock, { useValue: parts.clock });
  container.register(tokens.random, { useValue: parts.random });
  container.register(tokens.pumps, { useValue: parts.pumps });
  container.register(tokens.events, { useValue: parts.events });
  container.register(tokens.settings, { useValue: parts.settings });
  container.register(tokens.strategies, { useValue: parts.strategies });
  container.register(tokens.discovery, { useValue: parts.discovery });
  container.register(tokens.router, { useValue: parts.router });
  container.register(AdminRouter, { useValue: parts.router });
  container.register(tokens.offeredServices, { useValue: parts.offeredServices });
  container.register(tokens.knownServices, { useValue: parts.knownServices });
  container.register(tokens.relayTickets, { useValue: parts.relayTickets });
  container.register(tokens.gossip, { useValue: parts.gossip });
  container.register(tokens.memory, { useValue: parts.memory });
  container.register(tokens.runtimeDir, { useValue: parts.runtimeDir });
  container.register(tokens.agentVersion, { useValue: parts.agentVersion });
  container.registerSingleton(SignallingLinks);
  container.registerSingleton(Admission);
  container.registerSingleton(ServiceExchange);
  container.registerSingleton(Signalling);
  container.registerSingleton(Discovery);
  container.registerSingleton(Bridges);
  container.registerSingleton(Peerings);
  container.registerSingleton(SessionWorth);
  container.registerSingleton(SessionLoop);
  return container;
}
