import path from 'node:path';
import type { Clock } from '../clock.js';
import { nearestWord } from '../config/nearest-word.js';
import type { Config } from '../config/schema.js';
import { ConfigError, describeError, PluginError, type RatatoskrError } from '../errors.js';
import type { Strategy, StrategyDefinition, StrategyServices } from '../strategy.js';
import { GuardedStrategy } from './guarded-strategy.js';
import { importDefinition } from './import-definition.js';
import { isPackageName, isPath, locatePlugin, type PluginPlace } from './locate-plugin.js';
import { PluginLog } from './plugin-log.js';

/** What came of one entry of the configuration's strategies. */
export interface LoadedStrategy {
  /** What the configuration calls it. */
  readonly use: string;
  /** Undefined for built-in strategies, and for a plugin that was not found. */
  readonly plugin?: PluginPlace;
  readonly outcome: { readonly strategy: Strategy } | { readonly failure: RatatoskrError };
}

export interface LoadStrategiesOptions {
  /** Strategies that need no loading. Their names are not a plugin's to take. */
  readonly builtIn: readonly StrategyDefinition[];
  readonly services: StrategyServices;
  /** Where plugins are looked for, the first first; relative paths begin at the first. */
  readonly pluginFolders: readonly string[];
}

/**
 * The strategies that the configuration names, in its order. A plugin that cannot be used has its failure as its outcome.
 * @throws ConfigError STRATEGY_UNKNOWN, STRATEGY_OPTIONS_INVALID for a built-in one
 */
export async function loadStrategies(
  uses: Config['strategies'],
  { builtIn, services, pluginFolders }: LoadStrategiesOptions,
): Promise<LoadedStrategy[]> {
  // Before anything is run: a wrong configuration has no effect.
  for (const { use } of uses) requireKnown(use, builtIn);
  const found = await Promise.all(uses.map(({ use }) => find(use, builtIn, pluginFolders, services.clock)));
  const taken = new Map(builtIn.map(({ name }) => [name, 'a built-in strategy']));
  return uses.map(({ use, options }, index): LoadedStrategy => {
    const { definition, plugin, failure } = found[index] ?? {};
    const about = { use, ...(plugin ? { plugin } : {}) };
    if (!definition) return { ...about, outcome: { failure: failure ?? unknownStrategy(use, builtIn) } };
    if (!plugin) return { ...about, outcome: { strategy: definition.create(parseOptions(definition, options), services) } };
    try {
      const owner = taken.get(definition.name);
      if (owner)
        throw new PluginError('PLUGIN_NAME_TAKEN', `The strategy of ${use} is called ${definition.name}, as is ${owner}.`);
      taken.set(definition.name, `that of ${use}`);
      return { ...about, outcome: { strategy: createGuarded(use, definition, options, services) } };
    } catch (error) {
      return { ...about, outcome: { failure: asFailure(use, error) } };
    }
  });
}

function requireKnown(use: string, builtIn: readonly StrategyDefinition[]): void {
  if (!isPath(use) && !isPackageName(use) && !builtIn.some(({ name }) => name === use)) throw unknownStrategy(use, builtIn);
}

interface Found {
  readonly definition?: StrategyDefinition;
  readonly plugin?: PluginPlace;
  readonly failure?: RatatoskrError;
}

/** Never rejects. */
async function find(
  use: string,
  builtIn: readonly StrategyDefinition[],
  folders: readonly string[],
  clock: Clock,
): Promise<Found> {
  const definition = builtIn.find(({ name }) => name === use);
  if (definition) return { definition };
  let plugin: PluginPlace | undefined;
  try {
    plugin = await locatePlugin(use, folders);
    return { plugin, definition: await importDefinition(use, plugin.file, clock) };
  } catch (error) {
    return { ...(plugin ? { plugin } : {}), failure: asFailure(use, error) };
  }
}

/** Each plugin has a logger and a folder of its own. */
function createGuarded(use: string, definition: StrategyDefinition, options: unknown, services: StrategyServices): Strategy {
  const { name } = definition;
  const { clock, log, stateDir } = services;
  const pluginLog = new PluginLog(name, log, clock);
  const parsed = parseOptions(definition, options, use);
  let inner: Strategy;
  try {
    inner = definition.create(parsed, { ...services, log: pluginLog, stateDir: path.join(stateDir, 'plugins', name) });
  } catch (cause) {
    throw new PluginError('PLUGIN_CREATE_FAILED', `${use} could not make its strategy: ${describeError(cause).message}`, {
      cause,
    });
  }
  // A promise is no strategy, and its rejection must not end the agent.
  void Promise.resolve(inner).catch(() => {});
  return new GuardedStrategy(inner, { name, clock, log, pluginLog });
}

/** @throws ConfigError STRATEGY_OPTIONS_INVALID with each thing that is wrong */
function parseOptions({ name, options: schema }: StrategyDefinition, options: unknown, use = name): unknown {
  const parsed = schema.safeParse(options);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'options'}: ${issue.message}`).join('; ');
  throw new ConfigError('STRATEGY_OPTIONS_INVALID', `The options of ${use} are not valid: ${problems}.`);
}

function asFailure(use: string, error: unknown): RatatoskrError {
  if (error instanceof PluginError || error instanceof ConfigError) return error;
  return new PluginError('PLUGIN_INVALID', `${use} cannot be used: ${describeError(error).message}`, { cause: error });
}

function unknownStrategy(use: string, builtIn: readonly StrategyDefinition[]): ConfigError {
  const names = builtIn.map(({ name }) => name);
  const near = nearestWord(use, names);
  const advice = near ? `did you mean ${near}?` : `there are ${names.join(', ')}.`;
  return new ConfigError('STRATEGY_UNKNOWN', `There is no strategy ${use}; ${advice}`);
}
