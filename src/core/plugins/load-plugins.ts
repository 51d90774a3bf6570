import path from 'node:path';
import type { Clock } from '../clock.js';
import { nearestWord } from '../config/nearest-word.js';
import type { Config } from '../config/schema.js';
import type { ErrorCode } from '../error-catalogue.js';
import { ConfigError, describeError, PluginError, type RatatoskrError } from '../errors.js';
import { importDefinition } from './import-definition.js';
import { isPackageName, isPath, locatePlugin, type PluginPlace } from './locate-plugin.js';
import type { AnyDefinition, InstanceOf, PluginKind, PluginServices, ServicesOf } from './plugin-kind.js';
import { PluginLog } from './plugin-log.js';

/** What came of one entry of the configuration's strategies, or of another kind of plugins. */
export interface Loaded<Instance> {
  /** What the configuration calls it. */
  readonly use: string;
  /** Undefined for built-in ones, and for a plugin that was not found. */
  readonly plugin?: PluginPlace;
  readonly outcome: { readonly made: Instance } | { readonly failure: RatatoskrError };
}

export interface LoadOptions<Definition extends AnyDefinition> {
  /** Those that need no loading. Their names are not a plugin's to take. */
  readonly builtIn: readonly Definition[];
  readonly services: ServicesOf<Definition> & PluginServices;
  /** Where plugins are looked for, the first first; relative paths begin at the first. */
  readonly pluginFolders: readonly string[];
}

/**
 * What the configuration names of a kind, in its order. A plugin that cannot be used has its failure as its outcome.
 * @throws ConfigError STRATEGY_UNKNOWN or DISCOVERY_UNKNOWN; for a built-in one STRATEGY_OPTIONS_INVALID or DISCOVERY_OPTIONS_INVALID
 */
export async function loadPlugins<Definition extends AnyDefinition>(
  kind: PluginKind<Definition>,
  uses: Config['strategies'],
  { builtIn, services, pluginFolders }: LoadOptions<Definition>,
): Promise<Loaded<InstanceOf<Definition>>[]> {
  // Before anything is run: a wrong configuration has no effect.
  for (const { use } of uses) requireKnown(kind, use, builtIn);
  const found = await Promise.all(uses.map(({ use }) => find(kind, use, builtIn, pluginFolders, services.clock)));
  const taken = new Map(builtIn.map(({ name }) => [name, `a built-in ${kind.noun}`]));
  return uses.map(({ use, options }, index): Loaded<InstanceOf<Definition>> => {
    const { definition, plugin, failure } = found[index] ?? {};
    const about = { use, ...(plugin ? { plugin } : {}) };
    if (!definition) return { ...about, outcome: { failure: failure ?? unknownName(kind, use, builtIn) } };
    if (!plugin) return { ...about, outcome: { made: create(definition, parseOptions(kind, definition, options), services) } };
    try {
      const owner = taken.get(definition.name);
      if (owner)
        throw new PluginError('PLUGIN_NAME_TAKEN', `The ${kind.noun} of ${use} is called ${definition.name}, as is ${owner}.`);
      taken.set(definition.name, `that of ${use}`);
      return { ...about, outcome: { made: createGuarded(kind, use, definition, options, services) } };
    } catch (error) {
      return { ...about, outcome: { failure: asFailure(use, error) } };
    }
  });
}

function requireKnown<Definition extends AnyDefinition>(
  kind: PluginKind<Definition>,
  use: string,
  builtIn: readonly Definition[],
): void {
  const known = isPath(use) || isPackageName(use, kind.prefix) || builtIn.some(({ name }) => name === use);
  if (!known) throw unknownName(kind, use, builtIn);
}

interface Found<Definition> {
  readonly definition?: Definition;
  readonly plugin?: PluginPlace;
  readonly failure?: RatatoskrError;
}

/** Never rejects. */
async function find<Definition extends AnyDefinition>(
  kind: PluginKind<Definition>,
  use: string,
  builtIn: readonly Definition[],
  folders: readonly string[],
  clock: Clock,
): Promise<Found<Definition>> {
  const definition = builtIn.find(({ name }) => name === use);
  if (definition) return { definition };
  let plugin: PluginPlace | undefined;
  try {
    plugin = await locatePlugin(use, kind.prefix, folders);
    return { plugin, definition: await importDefinition(kind, use, plugin.file, clock) };
  } catch (error) {
    return { ...(plugin ? { plugin } : {}), failure: asFailure(use, error) };
  }
}

function create<Definition extends AnyDefinition>(
  definition: Definition,
  options: unknown,
  services: ServicesOf<Definition>,
): InstanceOf<Definition> {
  return definition.create(options, services) as InstanceOf<Definition>;
}

/** Each plugin has a logger and a folder of its own. */
function createGuarded<Definition extends AnyDefinition>(
  kind: PluginKind<Definition>,
  use: string,
  definition: Definition,
  options: unknown,
  services: ServicesOf<Definition> & PluginServices,
): InstanceOf<Definition> {
  const { name } = definition;
  const { clock, log, stateDir } = services;
  const pluginLog = new PluginLog({ [kind.logField]: name }, log, clock);
  const parsed = parseOptions(kind, definition, options, use);
  let inner: InstanceOf<Definition>;
  try {
    inner = create(definition, parsed, { ...services, log: pluginLog, stateDir: path.join(stateDir, kind.stateFolder, name) });
  } catch (cause) {
    throw new PluginError('PLUGIN_CREATE_FAILED', `${use} could not make its ${kind.noun}: ${describeError(cause).message}`, {
      cause,
    });
  }
  // A promise is neither, and its rejection must not end the agent.
  void Promise.resolve(inner).catch(() => {});
  return kind.guard(inner, { name, clock, log, pluginLog });
}

/** @throws ConfigError STRATEGY_OPTIONS_INVALID or DISCOVERY_OPTIONS_INVALID with each thing that is wrong */
function parseOptions<Definition extends AnyDefinition>(
  { optionsInvalid }: PluginKind<Definition>,
  { name, options: schema }: Definition,
  options: unknown,
  use = name,
): unknown {
  const parsed = schema.safeParse(options);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'options'}: ${issue.message}`).join('; ');
  throw new ConfigError(optionsInvalid, `The options of ${use} are not valid: ${problems}.`);
}

function asFailure(use: string, error: unknown): RatatoskrError {
  if (error instanceof PluginError || error instanceof ConfigError) return error;
  return new PluginError('PLUGIN_INVALID', `${use} cannot be used: ${describeError(error).message}`, { cause: error });
}

function unknownName(
  { noun, unknown }: { readonly noun: string; readonly unknown: ErrorCode },
  use: string,
  builtIn: readonly AnyDefinition[],
): ConfigError {
  const names = builtIn.map(({ name }) => name);
  const near = nearestWord(use, names);
  const advice = near ? `did you mean ${near}?` : `there are ${names.join(', ')}.`;
  return new ConfigError(unknown, `There is no ${noun} ${use}; ${advice}`);
}
