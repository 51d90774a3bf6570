import type { EventSource } from '../core/events.js';
import type { Loaded } from '../core/plugins/load-plugins.js';

/** Tells what came of the plugins among what was loaded. @param kind the event's field for the name of what the plugin brings */
export function tellLoaded(
  loaded: readonly Loaded<{ readonly name: string }>[],
  kind: 'strategy' | 'source',
  events: EventSource,
): void {
  for (const { use, plugin, outcome } of loaded) {
    if ('failure' in outcome) {
      const { code, message, help } = outcome.failure;
      events.publish('plugin.failed', { plugin: use, code, message, help });
    } else if (plugin) {
      const { file, version } = plugin;
      const about = { plugin: use, [kind]: outcome.made.name, file };
      events.publish('plugin.loaded', version === undefined ? about : { ...about, version });
    }
  }
}
