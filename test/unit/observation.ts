import type { Observation } from '../../src/control/observation-routes.js';
import { schemaVersion } from '../../src/control/schemas.js';
import { StrategyRecord } from '../../src/control/strategy-record.js';

/** What there is to observe of an agent that has done nothing. */
export function quietObservation(): Observation {
  return {
    strategies: new StrategyRecord(['tcp-hole-punching']),
    traffic: { report: () => ({ schemaVersion, intervalMs: 2000, peers: [] }) },
    network: async () => ({ schemaVersion, examinedAt: new Date(0).toISOString(), nat: null, failure: null, strategies: [] }),
    metrics: { contentType: 'text/plain', text: async () => 'ratatoskr_build_info 1\n' },
  };
}
