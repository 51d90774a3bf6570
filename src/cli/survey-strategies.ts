import 'reflect-metadata';
import { makeDiscovery } from '../composition/discovery.js';
import { makeRelayBook } from '../composition/relay-book.js';
import { makeServices } from '../composition/services.js';
import { builtInStrategies, makeStrategies } from '../composition/strategies.js';
import { systemClock } from '../core/clock.js';
import type { Config } from '../core/config.js';
import { EventSource } from '../core/events.js';
import { GossipLinks } from '../core/gossip-links.js';
import { Neighbours } from '../core/neighbours.js';
import { KnownServices, OfferedServices } from '../core/peer-services.js';
import { isPath } from '../core/plugins/locate-plugin.js';
import type { LoadedStrategy } from '../core/plugins/strategy-plugins.js';
import { probeStrategy } from '../core/probe-strategy.js';
import { RelayTickets } from '../core/relay-tickets.js';
import type { Probe, Strategy, StrategyServices } from '../core/strategy.js';
import { ownVersion } from '../own-package.js';
import type { StrategyRow } from './strategies.js';

/** Loads every strategy, asks it whether it is usable here, and closes it again. @throws ConfigError */
export async function surveyStrategies(config: Config, configFolder: string): Promise<readonly StrategyRow[]> {
  const named = new Set(config.strategies.map(({ use }) => use));
  const ours = builtInStrategies({ current: config });
  const others = ours.filter(({ name }) => !named.has(name)).map(({ name }) => ({ use: name, options: {} }));
  const loaded = await load({ ...config, strategies: [...config.strategies, ...others] }, configFolder);
  return Promise.all(
    loaded.map(async ({ use, plugin, outcome }, index): Promise<StrategyRow> => {
      const enabled = index < config.strategies.length;
      const builtIn = ours.some(({ name }) => name === use);
      const version = builtIn ? ownVersion() : plugin?.version;
      const about = {
        order: enabled ? index + 1 : null,
        name: 'made' in outcome ? outcome.made.name : use,
        origin: builtIn ? 'built-in' : isPath(use) ? 'path' : 'package',
        ...(plugin?.packageName === undefined ? {} : { package: plugin.packageName }),
        ...(plugin ? { file: plugin.file } : {}),
        ...(version === undefined ? {} : { version }),
        enabled,
      } as const;
      if ('made' in outcome) return { ...about, ...(await probe(outcome.made)) };
      const { code, message, help } = outcome.failure;
      return { ...about, usable: 'no', reason: message, code, help };
    }),
  );
}

/** Loads the strategies and the discovery sources that a configuration names. @throws ConfigError, and for plugins PluginError */
export async function checkPlugins(config: Config, configFolder: string): Promise<void> {
  for (const { outcome } of await load(config, configFolder)) {
    if ('failure' in outcome) throw outcome.failure;
    await outcome.made.close?.();
  }
  const made = making(config);
  const relays = makeRelayBook(made.services, made.settings);
  const shared = { gossip: new GossipLinks(), offeredServices: new OfferedServices(), relays, ...strangers() };
  for (const { outcome } of await makeDiscovery({ ...made, definitions: [], configFolder }, shared)) {
    if ('failure' in outcome) throw outcome.failure;
  }
}

function load(config: Config, configFolder: string): Promise<readonly LoadedStrategy[]> {
  return makeStrategies({ ...making(config), definitions: [], configFolder });
}

function making(config: Config) {
  const settings = { current: config };
  const events = new EventSource('strategies');
  return { services: surveyServices(config, events), events, settings };
}

/** What an agent with this configuration would give its strategies, without any peers. */
export function surveyServices(config: Config, events = new EventSource('doctor')): StrategyServices {
  return makeServices({}, { settings: { current: config }, events, relayTickets: new RelayTickets(), ...strangers() });
}

/** Nobody is known. */
function strangers() {
  return { knownServices: new KnownServices(), neighbours: new Neighbours(systemClock) };
}

/** Never rejects. */
async function probe(strategy: Strategy): Promise<Probe> {
  try {
    return await probeStrategy(strategy, systemClock);
  } finally {
    await strategy.close?.();
  }
}
