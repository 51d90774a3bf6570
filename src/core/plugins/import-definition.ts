import { pathToFileURL } from 'node:url';
import type { Clock } from '../clock.js';
import { withDeadline } from '../deadline.js';
import { describeError, PluginError } from '../errors.js';
import { isStrategyDefinition, type StrategyDefinition, strategyApiVersion } from '../strategy.js';
import { isStrategyName } from './strategy-name.js';

/** How long a module may take to load, in milliseconds. */
const loadDeadlineMs = 10_000;

/**
 * Runs a plugin's module and takes what it exports.
 * @param use what the configuration calls it
 * @throws PluginError PLUGIN_LOAD_FAILED, PLUGIN_LOAD_TIMEOUT, PLUGIN_INVALID, PLUGIN_API_VERSION
 */
export async function importDefinition(use: string, file: string, clock: Clock): Promise<StrategyDefinition> {
  return checkDefinition(use, await importDefault(use, file, clock));
}

async function importDefault(use: string, file: string, clock: Clock): Promise<unknown> {
  try {
    const module = await withDeadline(import(pathToFileURL(file).href) as Promise<{ default?: unknown }>, {
      clock,
      timeoutMs: loadDeadlineMs,
      expired: () => new PluginError('PLUGIN_LOAD_TIMEOUT', `${use} did not load within ${loadDeadlineMs / 1000} s (${file}).`),
    });
    return module.default;
  } catch (cause) {
    if (cause instanceof PluginError) throw cause;
    throw new PluginError('PLUGIN_LOAD_FAILED', `${use} threw while it was loaded (${file}): ${describeError(cause).message}`, {
      cause,
    });
  }
}

/** What `defineStrategy` made, of whatever copy of this package: every part is looked at by its shape. */
function checkDefinition(use: string, value: unknown): StrategyDefinition {
  const invalid = (what: string) => new PluginError('PLUGIN_INVALID', `${use} ${what}.`);
  try {
    if (!isStrategyDefinition(value)) throw invalid('has no default export that defineStrategy() made');
    const { name, apiVersion, options, create } = value as { [Part in keyof StrategyDefinition]: unknown };
    if (apiVersion !== strategyApiVersion) {
      const message = `${use} is made for version ${String(apiVersion)} of the strategy contract, and this agent has version ${strategyApiVersion}.`;
      throw new PluginError('PLUGIN_API_VERSION', message);
    }
    if (typeof name !== 'string' || !isStrategyName(name)) {
      throw invalid('gives itself no name of lower-case words joined by hyphens, up to 64 characters');
    }
    if (typeof (options as { safeParse?: unknown } | null | undefined)?.safeParse !== 'function') {
      throw invalid('has no zod schema as its options');
    }
    if (typeof create !== 'function') throw invalid('has no function create');
    return value;
  } catch (cause) {
    if (cause instanceof PluginError) throw cause;
    // A definition may be made of getters.
    throw new PluginError('PLUGIN_INVALID', `${use} has a definition that cannot be read: ${describeError(cause).message}`, {
      cause,
    });
  }
}
