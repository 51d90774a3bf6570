import type { DiscoveryDefinition, DiscoverySource } from '../core/discovery-source.js';
import { discoveryPlugins } from '../core/plugins/discovery-plugins.js';
import type { Loaded } from '../core/plugins/load-plugins.js';
import { type GossipParts, gossip } from '../discovery/sources/gossip.js';
import { type MdnsParts, mdns } from '../discovery/sources/mdns.js';
import { sessions } from '../discovery/sources/sessions.js';
import { staticPeers } from '../discovery/sources/static-peers.js';
import { loadAndTell, type PluginParts } from './load-and-tell.js';

/** What the built-in sources share with the rest of the agent. */
export interface SharedParts {
  readonly gossip: GossipParts['links'];
  readonly knownServices: GossipParts['services'];
  readonly offeredServices: GossipParts['offered'];
  readonly neighbours: MdnsParts['neighbours'];
  readonly relays: GossipParts['relays'];
}

/**
 * Makes the discovery sources that the configuration names, and tells what came of its plugins.
 * @throws ConfigError DISCOVERY_UNKNOWN, DISCOVERY_OPTIONS_INVALID
 */
export function makeDiscovery(
  parts: PluginParts<DiscoveryDefinition>,
  { gossip: links, knownServices: services, offeredServices: offered, neighbours, relays }: SharedParts,
): Promise<readonly Loaded<DiscoverySource>[]> {
  const { settings } = parts;
  const builtIn = [
    sessions as DiscoveryDefinition,
    staticPeers as DiscoveryDefinition,
    mdns({ neighbours, port: () => settings.current.signalling.port }) as DiscoveryDefinition,
    gossip({ links, services, offered, relays }) as DiscoveryDefinition,
  ];
  return loadAndTell(discoveryPlugins, settings.current.discovery, builtIn, parts);
}

/** Those that can be used, which may be none: peers can still find this agent. */
export function usableSources(loaded: readonly Loaded<DiscoverySource>[]): DiscoverySource[] {
  return loaded.flatMap(({ outcome }) => ('made' in outcome ? [outcome.made] : []));
}
