import type { DiscoveryDefinition, DiscoverySource } from '../core/discovery-source.js';
import type { EventSource } from '../core/events.js';
import { discoveryPlugins } from '../core/plugins/discovery-plugins.js';
import { type Loaded, loadPlugins } from '../core/plugins/load-plugins.js';
import type { StrategyServices } from '../core/strategy.js';
import type { Settings } from '../core/tokens.js';
import { sessions } from '../discovery/sources/sessions.js';
import { staticPeers } from '../discovery/sources/static-peers.js';
import { ownFolder } from '../own-package.js';
import { tellLoaded } from './tell-loaded.js';

export interface DiscoveryParts {
  readonly services: StrategyServices;
  readonly events: EventSource;
  readonly settings: Settings;
  /** Beside the built-in ones. */
  readonly definitions: readonly DiscoveryDefinition[];
  /** Where plugins are looked for before our own folder. */
  readonly configFolder: string;
}

/**
 * Makes the discovery sources that the configuration names, and tells what came of its plugins.
 * @throws ConfigError DISCOVERY_UNKNOWN, DISCOVERY_OPTIONS_INVALID
 */
export async function makeDiscovery(parts: DiscoveryParts): Promise<readonly Loaded<DiscoverySource>[]> {
  const { services, events, settings, definitions, configFolder } = parts;
  const loaded = await loadPlugins(discoveryPlugins, settings.current.discovery, {
    builtIn: [sessions as DiscoveryDefinition, staticPeers as DiscoveryDefinition, ...definitions],
    pluginFolders: [configFolder, ownFolder],
    services,
  });
  tellLoaded(loaded, 'source', events);
  return loaded;
}

/** Those that can be used, which may be none: peers can still find this agent. */
export function usableSources(loaded: readonly Loaded<DiscoverySource>[]): DiscoverySource[] {
  return loaded.flatMap(({ outcome }) => ('made' in outcome ? [outcome.made] : []));
}
