import 'reflect-metadata';
import { readdir, readFile } from 'node:fs/promises';
import { type DependencyContainer, container as rootContainer } from 'tsyringe';
import type { ControlServer } from './control/control-server.js';
import { AdminRouter } from './core/admin/admin-router.js';
import { PeerJournal } from './core/admin/peer-journal.js';
import { AgentCore, removeStaleSockets } from './core/agent.js';
import { Bridges } from './core/bridge.js';
import { type Clock, systemClock } from './core/clock.js';
import { resolveDirectories } from './core/config/directories.js';
import { permits } from './core/config/permits.js';
import type { Config } from './core/config.js';
import { ConfigError, describeError } from './core/errors.js';
import { EventLogger } from './core/event-logger.js';
import { type AgentEvent, EventSource, onEvent } from './core/events.js';
import type { Net } from './core/net.js';
import { KnownServices, OfferedServices } from './core/peer-services.js';
import { type Random, systemRandom } from './core/random.js';
import type { ReliableUdp } from './core/reliable-udp.js';
import { type RunLock, takeRunLock } from './core/run-lock.js';
import { SessionLoop } from './core/session-loop.js';
import { Signalling } from './core/signalling/signalling.js';
import type { Strategy, StrategyDefinition, StrategyServices } from './core/strategy.js';
import { SuccessMemory } from './core/success-memory.js';
import { type Settings, tokens } from './core/tokens.js';
import { gatewayFinder } from './discovery/gateway/default-gateway.js';
import { mappingProtocols } from './discovery/gateway/mapping-protocols.js';
import { PortMapper } from './discovery/gateway/port-mapper.js';
import { OfferedResponder } from './discovery/stun/offered-responder.js';
import { PeerServers } from './discovery/stun/peer-servers.js';
import { loadAddon } from './native/addon.js';
import { createSystemNet } from './native/system-net.js';
import { createUdx } from './native/udx/create-udx.js';
import { portMapping } from './strategies/port-mapping/index.js';
import { relay } from './strategies/relay/index.js';
import { tcpHolePunching } from './strategies/tcp-hole-punching/index.js';
import { udpHolePunching } from './strategies/udp-hole-punching/index.js';

/** What an agent offers whoever runs it. */
export interface Agent {
  /** Resolves when the agent is at work, be there a router or not. @throws AgentError ALREADY_RUNNING, RUNTIME_DIR_UNUSABLE, JOURNAL_UNWRITABLE */
  start(): Promise<void>;
  /** Takes every bridge down and gives everything back. Idempotent. */
  stop(): Promise<void>;
  /** Takes a new configuration; bridges that it still permits stay up. What only counts at start waits for the next one. */
  reconfigure(config: Config): Promise<void>;
}

/** Parts of the system that a test or an embedder may bring along. */
export interface AgentParts {
  readonly net?: Net;
  readonly clock?: Clock;
  readonly random?: Random;
  /** @default udx on the system's sockets, or none beside a `net` of one's own */
  readonly reliableUdp?: ReliableUdp;
  /** Strategies beside the built-in ones, by definition; those that the config names are used. */
  readonly strategies?: readonly StrategyDefinition[];
}

const builtIn = (settings: Settings): readonly StrategyDefinition[] => [
  portMapping as StrategyDefinition,
  tcpHolePunching as StrategyDefinition,
  udpHolePunching as StrategyDefinition,
  relay(() => settings.current.relay),
];

let agentsMade = 0;

/**
 * Makes an agent: the composition root, where every part is made and told of the others.
 * @throws ConfigError STRATEGY_UNKNOWN, STRATEGY_OPTIONS_INVALID, ADMIN_URI_INVALID
 */
export function createAgent(config: Config, parts: AgentParts = {}): Agent {
  const resolved = resolveDirectories(config);
  const clock = parts.clock ?? systemClock;
  const settings: Settings = { current: resolved };
  const events = new EventSource(`agent-${++agentsMade}`, () => clock.wallTime());
  const net = parts.net ?? createSystemNet(loadAddon());
  const random = parts.random ?? systemRandom;
  const reliableUdp = parts.reliableUdp ?? (parts.net ? undefined : createUdx({ clock, random }).udp);
  const offeredServices = new OfferedServices();
  const knownServices = new KnownServices();
  const peerServers = new PeerServers(knownServices);
  const services: StrategyServices = {
    net,
    clock,
    random,
    log: new EventLogger(events),
    stateDir: resolved.stateDir,
    ...(reliableUdp ? { reliableUdp } : {}),
    addresses: {
      get stunServers() {
        return settings.current.stun;
      },
      get stunPeers() {
        return peerServers.list((peer) => permits(settings.current, peer));
      },
    },
  };
  const strategies = chooseStrategies(resolved, [...builtIn(settings), ...(parts.strategies ?? [])], services);
  const responder = makeResponder(resolved, services, offeredServices);

  let starting: Promise<Running> | undefined;
  let stopping: Promise<void> | undefined;

  const begin = async () => {
    const { runtimeDir, stateDir, admin } = settings.current;
    const lock = await takeRunLock(runtimeDir);
    try {
      const files = await removeStaleSockets(runtimeDir, await readdir(runtimeDir));
      if (files.length > 0) events.publish('leftovers.removed', { peers: [], files });
      const journal = await PeerJournal.open(stateDir, events);
      const router = new AdminRouter({ net, clock, random, events, journal, uris: admin === 'auto' ? [] : [admin] });
      const agentVersion = await packageVersion();
      const memory = await SuccessMemory.open(stateDir);
      const peerServices = { offeredServices, knownServices };
      const parts = {
        net,
        clock,
        random,
        events,
        settings,
        strategies,
        router,
        memory,
        runtimeDir,
        agentVersion,
        ...peerServices,
      };
      const core = compose(parts).resolve(AgentCore);
      const control = await startControl({ settings, events, agentVersion, clock, core });
      core.start();
      for (const strategy of strategies) void startStrategy(strategy, events);
      responder?.start();
      return { core, lock, control };
    } catch (error) {
      await lock.release();
      throw error;
    }
  };
  const end = async () => {
    const running = await starting?.catch(() => undefined);
    await Promise.all([running?.core.stop(), responder?.close()]);
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
      const { stateDir, runtimeDir } = settings.current;
      const running = await starting;
      await running?.core.reconfigure({ ...resolveDirectories(next), stateDir, runtimeDir });
    },
  };
}

interface Running {
  readonly core: AgentCore;
  readonly lock: RunLock;
  readonly control: ControlServer | undefined;
}

interface Composition {
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventSource;
  readonly settings: Settings;
  readonly strategies: readonly Strategy[];
  readonly router: AdminRouter;
  readonly offeredServices: OfferedServices;
  readonly knownServices: KnownServices;
  readonly memory: SuccessMemory;
  readonly runtimeDir: string;
  readonly agentVersion: string;
}

/** What answers STUN for peers, unless the config turns it off. It maps ports where the port-mapping strategy may. */
function makeResponder(
  { stunResponder, strategies, stateDir }: Config,
  services: StrategyServices,
  offered: OfferedServices,
): OfferedResponder | undefined {
  if (!stunResponder.enabled) return undefined;
  const { port } = stunResponder;
  if (!strategies.some(({ use }) => use === portMapping.name)) return new OfferedResponder({ services, offered, port });
  const findGateway = gatewayFinder(services.net);
  const mapper = new PortMapper({
    services,
    protocols: mappingProtocols(),
    findGateway,
    stateDir,
    journalName: 'stun-responder',
  });
  return new OfferedResponder({ services, offered, port, mapper });
}

/** One container an agent, so that a process may run many. */
function compose(parts: Composition): DependencyContainer {
  const container = rootContainer.createChildContainer();
  container.register(tokens.net, { useValue: parts.net });
  container.register(tokens.clock, { useValue: parts.clock });
  container.register(tokens.random, { useValue: parts.random });
  container.register(tokens.events, { useValue: parts.events });
  container.register(tokens.settings, { useValue: parts.settings });
  container.register(tokens.strategies, { useValue: parts.strategies });
  container.register(tokens.router, { useValue: parts.router });
  container.register(AdminRouter, { useValue: parts.router });
  container.register(tokens.offeredServices, { useValue: parts.offeredServices });
  container.register(tokens.knownServices, { useValue: parts.knownServices });
  container.register(tokens.memory, { useValue: parts.memory });
  container.register(tokens.runtimeDir, { useValue: parts.runtimeDir });
  container.register(tokens.agentVersion, { useValue: parts.agentVersion });
  container.registerSingleton(Signalling);
  container.registerSingleton(Bridges);
  container.registerSingleton(SessionLoop);
  return container;
}

/** What answers `ratatoskr status` and its like; an agent that cannot have it goes without. Never rejects. */
async function startControl(parts: {
  readonly settings: Settings;
  readonly events: EventSource;
  readonly agentVersion: string;
  readonly clock: Clock;
  readonly core: AgentCore;
}): Promise<ControlServer | undefined> {
  const { settings, events, agentVersion: version, clock, core } = parts;
  const { control, runtimeDir } = settings.current;
  if (!control.enabled) return undefined;
  const { StatusBook } = await import('./control/status-book.js');
  const { openControl } = await import('./control/control-server.js');
  const subscribe = (listener: (event: AgentEvent) => void) =>
    onEvent((event) => {
      if (event.agent === events.agent) listener(event);
    });
  const book = new StatusBook({ version, pid: process.pid, startedAt: clock.wallTime() });
  const unsubscribe = subscribe((event) => book.read(event));
  try {
    const server = await openControl({ runtimeDir, book, subscribe, ping: (peer, signal) => core.ping(peer, signal) });
    return {
      async close() {
        unsubscribe();
        await server.close();
      },
    };
  } catch (error) {
    unsubscribe();
    events.publish('log', { level: 'warn', name: 'control.failed', fields: describeError(error) });
    return undefined;
  }
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

/** The strategies that the config names, in its order. */
function chooseStrategies(config: Config, known: readonly StrategyDefinition[], services: StrategyServices): Strategy[] {
  return config.strategies.map(({ use, options }) => {
    const definition = known.find(({ name }) => name === use);
    if (!definition) {
      const names = known.map(({ name }) => name).join(', ');
      throw new ConfigError('STRATEGY_UNKNOWN', `There is no strategy ${use}; there are ${names}.`);
    }
    const parsed = definition.options.safeParse(options);
    if (!parsed.success) {
      const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'options'}: ${issue.message}`).join('; ');
      throw new ConfigError('STRATEGY_OPTIONS_INVALID', `The options of ${use} are not valid: ${problems}.`);
    }
    return definition.create(parsed.data, services);
  });
}

/** The version in package.json, which lies one folder above both src and dist. */
async function packageVersion(): Promise<string> {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
