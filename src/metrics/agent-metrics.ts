import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Status } from '../control/schemas.js';
import type { LiveBridge } from '../control/traffic-history.js';
import { errorCatalogue } from '../core/error-catalogue.js';
import type { AgentEvent, EventName } from '../core/events.js';
import { type MetricDefinition, maxPeerLines, metricDefinitions } from './definitions.js';

type EventOf<Name extends EventName> = Extract<AgentEvent, { event: Name }>;

export interface MetricSources {
  readonly version: string;
  readonly status: () => Pick<Status, 'router' | 'signalling' | 'peers'>;
  readonly bridges: () => readonly LiveBridge[];
}

/** The agent's metrics in the format of Prometheus: a reader of its events, which looks at the rest when it is asked. */
export class AgentMetrics {
  private readonly registry = new Registry();
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
  private readonly setup: Histogram;

  constructor(private readonly sources: MetricSources) {
    this.setup = new Histogram({
      ...this.described(metricDefinitions.setup),
      buckets: [...metricDefinitions.setup.buckets],
    });
    this.gauge(metricDefinitions.info, (gauge) => gauge.set({ version: sources.version }, 1));
    this.lookAtStatus();
    this.lookAtBridges();
    this.lookAtProcess();
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  text(): Promise<string> {
    return this.registry.metrics();
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
      for (const bridge of lines()) if (bridge.rttMs !== undefined) gauge.set(labelsOf(bridge), bridge.rttMs / 1000);
    });
    this.gauge(metricDefinitions.overlayRtt, (gauge) => {
      for (const bridge of lines()) gauge.set(labelsOf(bridge), bridge.overlayRttMs / 1000);
    });
  }

  private lookAtProcess(): void {
    const startedAt = Date.now() / 1000 - process.uptime();
    this.counted(metricDefinitions.cpu, (counter) => {
      const { user, system } = process.cpuUsage();
      counter.inc((user + system) / 1e6);
    });
    this.gauge(metricDefinitions.memory, (gauge) => gauge.set(process.memoryUsage.rss()));
    this.gauge(metricDefinitions.started, (gauge) => gauge.set(startedAt));
  }

  private described({ name, help, labels }: MetricDefinition) {
    return { name, help, labelNames: [...labels], registers: [this.registry] };
  }

  private counter(definition: MetricDefinition): Counter {
    return new Counter(this.described(definition));
  }

  /** A gauge that is looked up whenever somebody asks. */
  private gauge(definition: MetricDefinition, look: (gauge: Gauge) => void): void {
    new Gauge({
      ...this.described(definition),
      collect() {
        this.reset();
        look(this);
      },
    });
  }

  /** A counter that something else keeps, and that is looked up whenever somebody asks. */
  private counted(definition: MetricDefinition, look: (counter: Counter) => void): void {
    new Counter({
      ...this.described(definition),
      collect() {
        this.reset();
        look(this);
      },
    });
  }
}

function labelsOf({ peer, strategy, kind }: LiveBridge): { peer: string; strategy: string; kind: string } {
  return { peer: peer.address, strategy, kind };
}

/** A code may come from the peer, which could make up any number of them. */
function known(code: string): string {
  return Object.hasOwn(errorCatalogue, code) ? code : 'OTHER';
}
