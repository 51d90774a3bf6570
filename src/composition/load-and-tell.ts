import type { Config } from '../core/config.js';
import type { EventSource } from '../core/events.js';
import { type Loaded, loadPlugins } from '../core/plugins/load-plugins.js';
import type { AnyDefinition, InstanceOf, PluginKind } from '../core/plugins/plugin-kind.js';
import type { StrategyServices } from '../core/strategy.js';
import type { Settings } from '../core/tokens.js';
import { ownFolder } from '../own-package.js';

export interface PluginParts<Definition extends AnyDefinition> {
  readonly services: StrategyServices;
  readonly events: EventSource;
  readonly settings: Settings;
  /** Beside the built-in ones. */
  readonly definitions: readonly Definition[];
  /** Where plugins are looked for before our own folder. */
  readonly configFolder: string;
}

/** What the configuration names of a kind, and tells what came of the plugins among it. @throws ConfigError as loadPlugins */
export async function loadAndTell<Definition extends AnyDefinition>(
  kind: PluginKind<Definition>,
  uses: Config['strategies'],
  builtIn: readonly Definition[],
  { services, events, definitions, configFolder }: PluginParts<Definition>,
): Promise<readonly Loaded<InstanceOf<Definition>>[]> {
  const loaded = await loadPlugins(kind, uses, {
    builtIn: [...builtIn, ...definitions],
    pluginFolders: [configFolder, ownFolder],
    services,
  });
  for (const { use, plugin, outcome } of loaded) {
    if ('failure' in outcome) {
      const { code, message, help } = outcome.failure;
      events.publish('plugin.failed', { plugin: use, code, message, help });
    } else if (plugin) {
      const { file, version } = plugin;
      const about = { plugin: use, [kind.logField]: outcome.made.name, file };
      events.publish('plugin.loaded', version === undefined ? about : { ...about, version });
    }
  }
  return loaded;
}
