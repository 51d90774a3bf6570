import type { Status } from '../control/schemas.js';
import type { AgentEvent, EventName } from '../core/events.js';
import type { PumpCounters } from '../core/pump.js';
import { maxPeerLines, metricDefinitions } from './definitions.js';
import { knownCode as known, MetricBook } from './metric-book.js';

type EventOf<Name extends EventName> = Extract<AgentEvent, { event: Name }>;

/** A bridge that is up. */
export interface LiveBridge {
  readonly peer: { readonly address: string };
  readonly strategy: string;
  readonly kind: 'direct' | 'relayed';
  readonly counters: Pick<PumpCounters, 'bytesIn' | 'bytesOut'>;
  /** Round trip over the overlay that it replaced, milliseconds. */
  readonly overlayRttMs: number;
  /** The last round trip of the path in milliseconds. */
  readonly rttMs: number;
}

export interface MetricSources {
  readonly version: string;
  readonly status: () => Pick<Status, 'router' | 'signalling' | 'routes' | 'peers'>;
  readonly bridges: () => readonly LiveBridge[];
}

/** The agent's metrics in the format of Prometheus: a reader of its events, which looks at the rest when it is asked. */
export class AgentMetrics extends MetricBook {
  /** Bytes of bridges that are down. */
  private readonly past = { bytesIn: 0, bytesOut: 0 };
  private readonly counters = {
    attempts: this.counter(metricDefinitions.attempts),
    attemptFailures: this.counter(metricDefinitions.attemptFailures),
    exhausted: this.counter(metricDefinitions.exhausted),
    signallingFailures: this.counter(metricDefinitions.signallingFailures),
    opened: this.counter(metricDefinitions.opened),
    closed: this.counter(metricDefinitions.closed),
  };
  private readonly setup = this.histogram(metricDefinitions.setup);

  constructor(private readonly sources: MetricSources) {
    super(sources.version);
    this.lookAtStatus();
    this.lookAtRoutes();
    this.lookAtBridges();
  }

  read(event: AgentEvent): void {
    const reader = this.readers[event.event] as ((event: AgentEvent) => void) | undefined;
    reader?.(event);
  }

  private readonly readers: { readonly [Name in EventName]?: (event: EventOf<Name>) => void } = {
    'attempt.started': ({ strategy, role }) => this.counters.attempts.inc({ strategy, role }),
    'attempt.failed': ({ strategy, code }) => this.counters.attemptFailures.inc({ strategy, code: known(code) }),
    'bridge.failed': ({ strategy, code }) => this.counters.attemptFailures.inc({ strategy, code: known(code) }),
    'ladder.exhausted': () => this.counters.exhausted.inc(),
    'signalling.failed': ({ code }) => this.counters.signallingFailures.inc({ code: known(code) }),
    'bridge.up': ({ strategy, kind, sinceSessionMs }) => {
      this.counters.opened.inc({ strategy, kind });
      this.setup.observe({ strategy }, sinceSessionMs / 1000);
    },
    'bridge.down': ({ strategy, code, bytesIn, bytesOut }) => {
      this.counters.closed.inc({ strategy, code: known(code) });
      this.past.bytesIn += bytesIn;
      this.past.bytesOut += bytesOut;
    },
  };

  private lookAtStatus(): void {
    const { status } = this.sources;
    this.gauge(metricDefinitions.routerUp, (gauge) => gauge.set(status().router.state === 'connected' ? 1 : 0));
    this.gauge(metricDefinitions.signallingUp, (gauge) => gauge.set(status().signalling.listening ? 1 : 0));
    this.gauge(metricDefinitions.sessions, (gauge) => gauge.set(status().peers.filter(({ session }) => session).length));
    this.gauge(metricDefinitions.agents, (gauge) => gauge.set(status().peers.filter(({ agent }) => agent).length));
  }

  private lookAtRoutes(): void {
    const { status } = this.sources;
    const frozenSince = () => status().routes?.frozenSince ?? undefined;
    this.gauge(metricDefinitions.routesMode, (gauge) => {
      const { routes } = status();
      if (routes) gauge.set({ mode: routes.mode }, 1);
    });
    this.gauge(metricDefinitions.routesFrozen, (gauge) => gauge.set(frozenSince() === undefined ? 0 : 1));
    this.gauge(metricDefinitions.routesFrozenSince, (gauge) => {
      const since = frozenSince();
      gauge.set(since === undefined ? 0 : Date.parse(since) / 1000);
    });
  }

  private lookAtBridges(): void {
    const { bridges } = this.sources;
    const lines = () => bridges().slice(0, maxPeerLines);
    const sum = (counter: 'bytesIn' | 'bytesOut') =>
      bridges().reduce((total, { counters }) => total + counters[counter], this.past[counter]);
    this.gauge(metricDefinitions.bridges, (gauge) => {
      for (const { strategy, kind } of bridges()) gauge.inc({ strategy, kind });
    });
    this.counted(metricDefinitions.received, (counter) => counter.inc(sum('bytesIn')));
    this.counted(metricDefinitions.transmitted, (counter) => counter.inc(sum('bytesOut')));
    this.counted(metricDefinitions.bridgeReceived, (counter) => {
      for (const bridge of lines()) counter.inc(labelsOf(bridge), bridge.counters.bytesIn);
    });
    this.counted(metricDefinitions.bridgeTransmitted, (counter) => {
      for (const bridge of lines()) counter.inc(labelsOf(bridge), bridge.counters.bytesOut);
    });
    this.gauge(metricDefinitions.bridgeRtt, (gauge) => {
      for (const bridge of lines()) gauge.set(labelsOf(bridge), bridge.rttMs / 1000);
    });
    this.gauge(metricDefinitions.overlayRtt, (gauge) => {
      for (const bridge of lines()) gauge.set(labelsOf(bridge), bridge.overlayRttMs / 1000);
    });
  }
}

function labelsOf({ peer, strategy, kind }: LiveBridge): { peer: string; strategy: string; kind: string } {
  return { peer: peer.address, strategy, kind };
}
