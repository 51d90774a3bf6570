import type { DiscoveryDefinition, DiscoverySource } from '../core/discovery-source.js';
import { discoveryPlugins } from '../core/plugins/discovery-plugins.js';
import type { Loaded } from '../core/plugins/load-plugins.js';
import { type GossipParts, gossip } from '../discovery/sources/gossip.js';
import { sessions } from '../discovery/sources/sessions.js';
import { staticPeers } from '../discovery/sources/static-peers.js';
import { loadAndTell, type PluginParts } from './load-and-tell.js';

function builtInSources(parts: GossipParts): readonly DiscoveryDefinition[] {
  return [sessions as DiscoveryDefinition, staticPeers as DiscoveryDefinition, gossip(parts) as DiscoveryDefinition];
}

/**
 * Makes the discovery sources that the configuration names, and tells what came of its plugins.
 * @throws ConfigError DISCOVERY_UNKNOWN, DISCOVERY_OPTIONS_INVALID
 */
export function makeDiscovery(
  parts: PluginParts<DiscoveryDefinition>,
  gossipParts: GossipParts,
): Promise<readonly Loaded<DiscoverySource>[]> {
  return loadAndTell(discoveryPlugins, parts.settings.current.discovery, builtInSources(gossipParts), parts);
}

/** Those that can be used, which may be none: peers can still find this agent. */
export function usableSources(loaded: readonly Loaded<DiscoverySource>[]): DiscoverySource[] {
  return loaded.flatMap(({ outcome }) => ('made' in outcome ? [outcome.made] : []));
}
