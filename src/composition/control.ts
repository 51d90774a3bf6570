import type { ControlOptions } from '../control/control-app.js';
import type { ControlServer } from '../control/control-server.js';
import type { AgentCore } from '../core/agent.js';
import { AgentError } from '../core/errors.js';
import { type AgentEvent, type EventSource, onEvent } from '../core/events.js';
import type { PeerCredentials } from '../core/net.js';
import type { Strategy, StrategyServices } from '../core/strategy.js';
import type { Settings } from '../core/tokens.js';
import type { LiveBridge } from '../metrics/agent-metrics.js';
import { OptionalServers } from './optional-servers.js';

interface ControlParts {
  readonly settings: Settings;
  readonly events: EventSource;
  readonly agentVersion: string;
  readonly services: StrategyServices;
  readonly strategies: readonly Strategy[];
  readonly core: AgentCore;
}

/** What answers `ratatoskr status` and its like, and serves the status page; an agent that cannot have it goes without. Never rejects. */
export async function startControl(parts: ControlParts): Promise<ControlServer | undefined> {
  const { control, http, runtimeDir } = parts.settings.current;
  if (!control.enabled && http.listen === 'off') return undefined;
  const { options, close } = await watch(parts);
  const servers = new OptionalServers(parts.services.log);
  if (control.enabled) {
    const { openControl } = await import('../control/control-server.js');
    const { createControlApp } = await import('../control/control-app.js');
    await servers.add('control.failed', () => openControl(runtimeDir, createControlApp(options)));
  }
  const { listen, names } = http;
  if (listen !== 'off') {
    const { openHttp } = await import('../http/http-server.js');
    await servers.add('http.failed', async () => {
      const server = await openHttp({ listen, names, runtimeDir, control: options });
      parts.services.log.info('http.listening', { url: server.url });
      return server;
    });
  }
  return {
    async close() {
      close();
      await servers.close();
    },
  };
}

/** Begins to put together what is asked for. */
async function watch({ events, agentVersion: version, services, strategies, core }: ControlParts) {
  const { StatusBook } = await import('../control/status-book.js');
  const { StrategyRecord } = await import('../control/strategy-record.js');
  const { TrafficHistory } = await import('../control/traffic-history.js');
  const { RecentEvents } = await import('../control/recent-events.js');
  const { AgentMetrics } = await import('../metrics/agent-metrics.js');
  const { NetworkExaminer } = await import('./network-examiner.js');
  const { clock } = services;
  const ended = new AbortController();
  const traffic = (attempt: string) => core.traffic(attempt);
  const subscribe = (listener: (event: AgentEvent) => void) =>
    onEvent((event) => {
      if (event.agent === events.agent) listener(event);
    });
  const book = new StatusBook({ version, pid: process.pid, startedAt: clock.wallTime() }, traffic);
  const recent = new RecentEvents();
  const record = new StrategyRecord(strategies.map(({ name }) => name));
  const metrics = new AgentMetrics({ version, status: () => book.status(), bridges: () => core.bridges.map(asLiveBridge) });
  const history = new TrafficHistory(clock, traffic, () =>
    core.bridges.map(({ found: { peer, attempt, rttMs } }) => ({ key: peer.key, attempt, rttMs })),
  );
  const examiner = new NetworkExaminer(services, strategies, ended.signal);
  const unsubscribe = subscribe((event) => {
    book.read(event);
    recent.read(event);
    record.read(event);
    metrics.read(event);
    history.read(event);
    if (event.event === 'network.changed') examiner.forget();
  });
  const options: ControlOptions = {
    book,
    recent,
    subscribe,
    ping: (peer, signal) => core.ping(peer, signal),
    changes: {
      bridge: (peer) => core.bridge(peer),
      unbridge: (peer) => core.unbridge(peer),
      letGo: (peer) => core.letGo(peer),
      isNamed: (peer) => core.isNamed(peer),
      locate: (peer) => core.locate(peer),
      mayChange: (stream) => ownerOrRoot(services.net.peerCredentials(stream)),
    },
    observation: { strategies: record, traffic: history, network: () => examiner.report(), metrics },
  };
  return {
    options,
    close() {
      unsubscribe();
      history.close();
      ended.abort(new AgentError('AGENT_STOPPED', 'The agent is stopping.'));
    },
  };
}

function asLiveBridge({ found, pump }: AgentCore['bridges'][number]): LiveBridge {
  const { peer, strategy, path, overlayRttMs } = found;
  const { counters, delays } = pump;
  return { peer, strategy, kind: path.info.kind, counters, overlayRttMs, rttMs: delays?.rttMs ?? found.rttMs };
}

/** Where the system does not say who calls, the mode of the socket has let in nobody else. */
function ownerOrRoot(caller: PeerCredentials | undefined): boolean {
  return caller === undefined || caller.uid === 0 || caller.uid === process.getuid?.();
}
