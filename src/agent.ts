import 'reflect-metadata';
import { compose } from './composition/container.js';
import { startControl } from './composition/control.js';
import { makeDiscovery, usableSources } from './composition/discovery.js';
import { makeRelayBook } from './composition/relay-book.js';
import { makeResponder } from './composition/responder.js';
import { checkResponders } from './composition/responder-checks.js';
import { makePumps, makeServices, type SystemParts } from './composition/services.js';
import { makeStrategies, usableStrategies } from './composition/strategies.js';
import type { ControlServer } from './control/control-server.js';
import { AdminRouter } from './core/admin/admin-router.js';
import { openPeerJournal } from './core/admin/peer-journal.js';
import { AgentCore, removeStaleSockets } from './core/agent.js';
import { systemClock } from './core/clock.js';
import { resolveDirectories } from './core/config/directories.js';
import type { Config } from './core/config.js';
import type { DiscoveryDefinition } from './core/discovery-source.js';
import { describeError } from './core/errors.js';
import { EventSource } from './core/events.js';
import { systemFiles } from './core/files.js';
import { GossipLinks } from './core/gossip-links.js';
import { Neighbours } from './core/neighbours.js';
import { KnownServices, OfferedServices } from './core/peer-services.js';
import { RelayTickets } from './core/relay-tickets.js';
import { type RunLock, takeRunLock } from './core/run-lock.js';
import type { Strategy, StrategyDefinition } from './core/strategy.js';
import { SuccessMemory } from './core/success-memory.js';
import type { Settings } from './core/tokens.js';
import { ownVersion } from './own-package.js';
import { Volunteer } from './relay/volunteer.js';

/** What an agent offers whoever runs it. */
export interface Agent {
  /** Resolves when the agent is at work, be there a router or not. @throws AgentError ALREADY_RUNNING, RUNTIME_DIR_UNUSABLE, JOURNAL_UNWRITABLE */
  start(): Promise<void>;
  /** Takes every bridge down and gives everything back. Idempotent. */
  stop(): Promise<void>;
  /** Takes a new configuration; bridges that it still permits stay up. What only counts at start waits for the next one. */
  reconfigure(config: Config): Promise<void>;
}

/** What a test or an embedder may bring along. */
export interface AgentParts extends SystemParts {
  /** What its events call it. @default agent-N */
  readonly name?: string;
  /** Strategies beside the built-in ones, by definition; those that the config names are used. */
  readonly strategies?: readonly StrategyDefinition[];
  /** Discovery sources beside the built-in ones, in the same way. */
  readonly discovery?: readonly DiscoveryDefinition[];
  /** Where plugins are looked for before the agent's own folder, and where their relative paths begin. @default the current folder */
  readonly configFolder?: string;
}

let agentsMade = 0;

/**
 * Makes an agent: the composition root, where every part is made and told of the others. Plugins are loaded now, and only now; one
 * that cannot be used is left out with a `plugin.failed` event.
 * @throws ConfigError STRATEGY_UNKNOWN, STRATEGY_OPTIONS_INVALID, STRATEGIES_UNUSABLE, DISCOVERY_UNKNOWN, DISCOVERY_OPTIONS_INVALID,
 * ADMIN_URI_INVALID
 */
export async function createAgent(config: Config, parts: AgentParts = {}): Promise<Agent> {
  const resolved = resolveDirectories(config);
  const settings: Settings = { current: resolved };
  const events = new EventSource(parts.name ?? `agent-${++agentsMade}`, () => (parts.clock ?? systemClock).wallTime());
  const offeredServices = new OfferedServices();
  const knownServices = new KnownServices();
  const relayTickets = new RelayTickets();
  const gossip = new GossipLinks();
  const neighbours = new Neighbours(parts.clock ?? systemClock);
  const services = makeServices(parts, { settings, events, knownServices, relayTickets, neighbours });
  const { net, clock, random, log } = services;
  const { files = systemFiles } = parts;
  const { configFolder = process.cwd() } = parts;
  const making = { services, events, settings, configFolder };
  const relays = makeRelayBook(services, settings);
  const made = await makeStrategies({ ...making, definitions: parts.strategies ?? [] }, () => relays.list);
  const strategies = usableStrategies(made);
  const shared = { gossip, knownServices, offeredServices, neighbours, relays };
  const discovery = usableSources(await makeDiscovery({ ...making, definitions: parts.discovery ?? [] }, shared));
  const volunteer = new Volunteer({ net, clock, random, log, offered: offeredServices, tickets: relayTickets, settings });
  const responder = makeResponder(resolved, services, offeredServices);

  let starting: Promise<Running> | undefined;
  let stopping: Promise<void> | undefined;

  const begin = async () => {
    const { runtimeDir, stateDir, admin } = settings.current;
    const lock = await takeRunLock(runtimeDir, files);
    try {
      const stale = await removeStaleSockets(runtimeDir, files);
      if (stale.length > 0) events.publish('leftovers.removed', { peers: [], files: stale });
      const journal = await openPeerJournal(stateDir, events, files);
      const router = new AdminRouter({ net, clock, random, events, journal, uris: admin === 'auto' ? [] : [admin] });
      const agentVersion = ownVersion();
      const memory = await SuccessMemory.open({ stateDir, files, log });
      const met = { offeredServices, knownServices, relayTickets, gossip };
      const made = { events, settings, strategies, discovery, router, memory, ...met };
      const pumps = makePumps(parts, services);
      const core = compose({ net, clock, random, pumps, ...made, runtimeDir, agentVersion }).resolve(AgentCore);
      // One that does not run on the system's sockets has no socket to be asked at.
      const control = parts.net ? undefined : await startControl({ settings, events, agentVersion, services, strategies, core });
      relays.onLearnt = () => core.helpLearnt();
      knownServices.learners.add((_, { stun, relay }) => stun.length + relay.length > 0 && core.helpLearnt());
      core.start();
      await volunteer.start();
      for (const strategy of strategies) void startStrategy(strategy, events);
      responder?.start();
      const endChecks = checkResponders(services, knownServices, events);
      return { core, lock, control, endChecks };
    } catch (error) {
      await lock.release();
      throw error;
    }
  };
  const end = async () => {
    const running = await starting?.catch(() => undefined);
    running?.endChecks();
    await Promise.all([running?.core.stop(), responder?.close(), volunteer.close()]);
    await running?.control?.close();
    await running?.lock.release();
  };

  return {
    async start() {
      starting ??= begin();
      await starting;
    },
    stop() {
      stopping ??= end();
      return stopping;
    },
    async reconfigure(next) {
      const { admin, strategies: made, discovery: sources, stateDir, runtimeDir } = settings.current;
      const running = await starting;
      await running?.core.reconfigure({
        ...resolveDirectories(next),
        admin,
        strategies: made,
        discovery: sources,
        stateDir,
        runtimeDir,
      });
    },
  };
}

interface Running {
  readonly core: AgentCore;
  readonly lock: RunLock;
  readonly control: ControlServer | undefined;
  endChecks(): void;
}

/** A strategy that cannot undo what it left behind is no reason to go without the agent. Never rejects. */
async function startStrategy(strategy: Strategy, events: EventSource): Promise<void> {
  try {
    await strategy.start?.();
  } catch (error) {
    const fields = { strategy: strategy.name, ...describeError(error) };
    events.publish('log', { level: 'warn', name: 'strategy.start-failed', fields });
  }
}
