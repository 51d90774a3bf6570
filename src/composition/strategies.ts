import { ConfigError } from '../core/errors.js';
import type { EventSource } from '../core/events.js';
import { loadPlugins } from '../core/plugins/load-plugins.js';
import { type LoadedStrategy, strategyPlugins } from '../core/plugins/strategy-plugins.js';
import type { Strategy, StrategyDefinition, StrategyServices } from '../core/strategy.js';
import type { Settings } from '../core/tokens.js';
import { ownFolder } from '../own-package.js';
import { portMapping } from '../strategies/port-mapping/index.js';
import { relay } from '../strategies/relay/index.js';
import { tcpHolePunching } from '../strategies/tcp-hole-punching/index.js';
import { udpHolePunching } from '../strategies/udp-hole-punching/index.js';
import { tellLoaded } from './tell-loaded.js';

/** The preferred first. */
export function builtInStrategies(settings: Settings): readonly StrategyDefinition[] {
  return [
    portMapping as StrategyDefinition,
    tcpHolePunching as StrategyDefinition,
    udpHolePunching as StrategyDefinition,
    // The secrets of TURN servers go nowhere else.
    relay(() => settings.current.relay),
  ];
}

export interface StrategyParts {
  readonly services: StrategyServices;
  readonly events: EventSource;
  readonly settings: Settings;
  /** Beside the built-in ones. */
  readonly definitions: readonly StrategyDefinition[];
  /** Where plugins are looked for before our own folder. */
  readonly configFolder: string;
}

/**
 * Makes the strategies that the configuration names, and tells what came of its plugins.
 * @throws ConfigError STRATEGY_UNKNOWN, STRATEGY_OPTIONS_INVALID
 */
export async function makeStrategies(parts: StrategyParts): Promise<readonly LoadedStrategy[]> {
  const { services, events, settings, definitions, configFolder } = parts;
  const loaded = await loadPlugins(strategyPlugins, settings.current.strategies, {
    builtIn: [...builtInStrategies(settings), ...definitions],
    pluginFolders: [configFolder, ownFolder],
    services,
  });
  tellLoaded(loaded, 'strategy', events);
  return loaded;
}

/** What is left to climb with. @throws ConfigError STRATEGIES_UNUSABLE when that is nothing */
export function usableStrategies(loaded: readonly LoadedStrategy[]): Strategy[] {
  const strategies = loaded.flatMap(({ outcome }) => ('made' in outcome ? [outcome.made] : []));
  if (strategies.length > 0) return strategies;
  const reasons = loaded.flatMap(({ outcome }) =>
    'failure' in outcome ? [`${outcome.failure.message} (${outcome.failure.code})`] : [],
  );
  throw new ConfigError('STRATEGIES_UNUSABLE', reasons.join('\n'));
}
