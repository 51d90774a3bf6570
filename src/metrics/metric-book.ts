import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { MetricsText } from '../control/observation-routes.js';
import { errorCatalogue } from '../core/error-catalogue.js';
import { type MetricDefinition, metricDefinitions } from './definitions.js';

/** Metrics in the format of Prometheus, and those that every process has. */
export abstract class MetricBook implements MetricsText {
  private readonly registry = new Registry();

  /** @param version of ratatoskr */
  constructor(version: string) {
    this.gauge(metricDefinitions.info, (gauge) => gauge.set({ version }, 1));
    const startedAt = Date.now() / 1000 - process.uptime();
    this.counted(metricDefinitions.cpu, (counter) => {
      const { user, system } = process.cpuUsage();
      counter.inc((user + system) / 1e6);
    });
    this.gauge(metricDefinitions.memory, (gauge) => gauge.set(process.memoryUsage.rss()));
    this.gauge(metricDefinitions.started, (gauge) => gauge.set(startedAt));
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  text(): Promise<string> {
    return this.registry.metrics();
  }

  protected counter(definition: MetricDefinition): Counter {
    return new Counter(this.described(definition));
  }

  protected histogram(definition: MetricDefinition & Required<Pick<MetricDefinition, 'buckets'>>): Histogram {
    return new Histogram({ ...this.described(definition), buckets: [...definition.buckets] });
  }

  /** A gauge that is looked up whenever somebody asks. */
  protected gauge(definition: MetricDefinition, look: (gauge: Gauge) => void): void {
    new Gauge({
      ...this.described(definition),
      collect() {
        this.reset();
        look(this);
      },
    });
  }

  /** A counter that something else keeps, and that is looked up whenever somebody asks. */
  protected counted(definition: MetricDefinition, look: (counter: Counter) => void): void {
    new Counter({
      ...this.described(definition),
      collect() {
        this.reset();
        look(this);
      },
    });
  }

  private described({ name, help, labels }: MetricDefinition) {
    return { name, help, labelNames: [...labels], registers: [this.registry] };
  }
}

/** A code may come from the peer, which could make up any number of them. */
export function knownCode(code: string): string {
  return Object.hasOwn(errorCatalogue, code) ? code : 'OTHER';
}
