import type { Strategy, StrategyDefinition } from '../strategy.js';
import { isStrategyDefinition, strategyApiVersion } from '../strategy.js';
import { GuardedStrategy } from './guarded-strategy.js';
import type { Loaded } from './load-plugins.js';
import type { PluginKind } from './plugin-kind.js';

/** Plugins that open paths. */
export const strategyPlugins: PluginKind<StrategyDefinition> = {
  noun: 'strategy',
  prefix: 'ratatoskr-strategy',
  define: 'defineStrategy',
  apiVersion: strategyApiVersion,
  isDefinition: isStrategyDefinition,
  logField: 'strategy',
  stateFolder: 'plugins',
  unknown: 'STRATEGY_UNKNOWN',
  optionsInvalid: 'STRATEGY_OPTIONS_INVALID',
  guard: (inner, parts) => new GuardedStrategy(inner, parts),
};

export type LoadedStrategy = Loaded<Strategy>;
