import { pathToFileURL } from 'node:url';
import type { Clock } from '../clock.js';
import { withDeadline } from '../deadline.js';
import { describeError, PluginError } from '../errors.js';
import type { AnyDefinition, PluginKind } from './plugin-kind.js';
import { isStrategyName } from './strategy-name.js';

/** How long a module may take to load, in milliseconds. */
const loadDeadlineMs = 10_000;

/**
 * Runs a plugin's module and takes what it exports.
 * @param use what the configuration calls it
 * @throws PluginError PLUGIN_LOAD_FAILED, PLUGIN_LOAD_TIMEOUT, PLUGIN_INVALID, PLUGIN_API_VERSION
 */
export async function importDefinition<Definition extends AnyDefinition>(
  kind: PluginKind<Definition>,
  use: string,
  file: string,
  clock: Clock,
): Promise<Definition> {
  return checkDefinition(kind, use, await importDefault(use, file, clock));
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

/** What the kind's `define` made, of whatever copy of this package: every part is looked at by its shape. */
function checkDefinition<Definition extends AnyDefinition>(
  { noun, define, apiVersion: ours, isDefinition }: PluginKind<Definition>,
  use: string,
  value: unknown,
): Definition {
  const invalid = (what: string) => new PluginError('PLUGIN_INVALID', `${use} ${what}.`);
  try {
    if (!isDefinition(value)) throw invalid(`has no default export that ${define}() made`);
    const { name, apiVersion, options, create } = value as { [Part in keyof AnyDefinition]: unknown };
    if (apiVersion !== ours) {
      const message = `${use} is made for version ${String(apiVersion)} of the ${noun} contract, and this agent has version ${ours}.`;
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
