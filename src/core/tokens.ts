import type { InjectionToken } from 'tsyringe';
import type { Clock } from './clock.js';
import type { Config } from './config.js';
import type { DiscoverySource } from './discovery-source.js';
import type { EventSource } from './events.js';
import type { GossipLinks } from './gossip-links.js';
import type { Net } from './net.js';
import type { KnownServices, OfferedServices } from './peer-services.js';
import type { Pumps } from './pump.js';
import type { Random } from './random.js';
import type { RelayTickets } from './relay-tickets.js';
import type { Router } from './router.js';
import type { Strategy } from './strategy.js';
import type { SuccessMemory } from './success-memory.js';

/** The configuration in force; SIGHUP replaces `current`. */
export interface Settings {
  current: Config;
}

/** What the composition root registers, one container an agent. */
export const tokens = {
  clock: Symbol('Clock') as InjectionToken<Clock>,
  random: Symbol('Random') as InjectionToken<Random>,
  net: Symbol('Net') as InjectionToken<Net>,
  events: Symbol('EventSource') as InjectionToken<EventSource>,
  settings: Symbol('Settings') as InjectionToken<Settings>,
  router: Symbol('Router') as InjectionToken<Router>,
  /** Strategies in config order. */
  strategies: Symbol('Strategies') as InjectionToken<readonly Strategy[]>,
  /** Discovery sources in config order. */
  discovery: Symbol('DiscoverySources') as InjectionToken<readonly DiscoverySource[]>,
  offeredServices: Symbol('OfferedServices') as InjectionToken<OfferedServices>,
  knownServices: Symbol('KnownServices') as InjectionToken<KnownServices>,
  relayTickets: Symbol('RelayTickets') as InjectionToken<RelayTickets>,
  gossip: Symbol('GossipLinks') as InjectionToken<GossipLinks>,
  /** What carries the bridges. */
  pumps: Symbol('Pumps') as InjectionToken<Pumps>,
  memory: Symbol('SuccessMemory') as InjectionToken<SuccessMemory>,
  /** Folder for sockets, created and private. */
  runtimeDir: Symbol('runtimeDir') as InjectionToken<string>,
  agentVersion: Symbol('agentVersion') as InjectionToken<string>,
};
