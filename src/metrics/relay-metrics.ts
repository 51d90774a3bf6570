import type { RelayStatusReport } from '../control/relay-schemas.js';
import { relayMetricDefinitions as definitions } from './definitions.js';
import { knownCode, MetricBook } from './metric-book.js';

/** Metrics of a relay that runs on its own, looked up when they are asked for. Its users are in no label. */
export class RelayMetrics extends MetricBook {
  constructor(version: string, status: () => RelayStatusReport['relay']) {
    super(version);
    this.gauge(definitions.circuits, (gauge) => gauge.set(status().circuits));
    this.gauge(definitions.circuitsLimit, (gauge) => gauge.set(status().limits.maxCircuits));
    this.gauge(definitions.connections, (gauge) => gauge.set(status().sessions));
    this.gauge(definitions.users, (gauge) => gauge.set(status().users.length));
    this.counted(definitions.carried, (counter) => counter.inc(status().bytes));
    this.counted(definitions.answered, (counter) => counter.inc(status().answered));
    this.counted(definitions.turnedAway, (counter) => counter.inc(status().turnedAway));
    this.counted(definitions.refusals, (counter) => {
      for (const [code, count] of Object.entries(status().refusals)) counter.inc({ code: knownCode(code) }, count);
    });
  }
}
