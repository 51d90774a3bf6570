import { type DiscoveryDefinition, discoveryApiVersion, isDiscoveryDefinition } from '../discovery-source.js';
import { GuardedSource } from './guarded-source.js';
import type { PluginKind } from './plugin-kind.js';

/** Plugins that find peers. */
export const discoveryPlugins: PluginKind<DiscoveryDefinition> = {
  noun: 'discovery source',
  prefix: 'ratatoskr-discovery',
  define: 'defineDiscovery',
  apiVersion: discoveryApiVersion,
  isDefinition: isDiscoveryDefinition,
  logField: 'source',
  stateFolder: 'discovery',
  unknown: 'DISCOVERY_UNKNOWN',
  optionsInvalid: 'DISCOVERY_OPTIONS_INVALID',
  guard: (inner, parts) => new GuardedSource(inner, parts),
};
