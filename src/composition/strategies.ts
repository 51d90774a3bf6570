import type { RelayUri } from '../core/config/relay-uri.js';
import { ConfigError } from '../core/errors.js';
import type { EventSource } from '../core/events.js';
import { type LoadedStrategy, strategyPlugins } from '../core/plugins/strategy-plugins.js';
import type { Strategy, StrategyDefinition } from '../core/strategy.js';
import type { Settings } from '../core/tokens.js';
import { portMapping } from '../strategies/port-mapping/index.js';
import { relay } from '../strategies/relay/index.js';
import { tcpHolePunching } from '../strategies/tcp-hole-punching/index.js';
import { udpHolePunching } from '../strategies/udp-hole-punching/index.js';
import { loadAndTell, type PluginParts } from './load-and-tell.js';

/** Relays without a router that others told of, and that have answered. */
type LearntRelays = () => readonly RelayUri[];

/** The preferred first. @param events where the relay strategy tells who chooses its routes; @default nowhere */
export function builtInStrategies(
  settings: Settings,
  events?: EventSource,
  learnt: LearntRelays = () => [],
): readonly StrategyDefinition[] {
  return [
    portMapping as StrategyDefinition,
    tcpHolePunching as StrategyDefinition,
    udpHolePunching as StrategyDefinition,
    // The secrets of TURN servers go nowhere else.
    relay(() => ({ ...settings.current.relay, servers: [...settings.current.relay.servers, ...learnt()] }), events),
  ];
}

/**
 * Makes the strategies that the configuration names, and tells what came of its plugins.
 * @throws ConfigError STRATEGY_UNKNOWN, STRATEGY_OPTIONS_INVALID
 */
export function makeStrategies(
  parts: PluginParts<StrategyDefinition>,
  learnt?: LearntRelays,
): Promise<readonly LoadedStrategy[]> {
  const { settings, events } = parts;
  return loadAndTell(strategyPlugins, settings.current.strategies, builtInStrategies(settings, events, learnt), parts);
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
