/** A metric as docs/metrics.md tells of it. */
export interface MetricDefinition {
  readonly name: string;
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram. */
  readonly buckets?: readonly number[];
}

/** Peers that have lines of their own at once; the traffic of more still counts in the totals. */
export const maxPeerLines = 64;

const bridge = ['peer', 'strategy', 'kind'] as const;

/** Every metric, by what the code calls it. Names and units as Prometheus would have them. */
export const metricDefinitions = {
  info: {
    name: 'ratatoskr_build_info',
    type: 'gauge',
    help: 'Always 1; its label tells which ratatoskr runs.',
    labels: ['version'],
  },
  routerUp: { name: 'ratatoskr_router_up', type: 'gauge', help: 'Whether the agent is connected to its router.', labels: [] },
  signallingUp: {
    name: 'ratatoskr_signalling_up',
    type: 'gauge',
    help: 'Whether other agents can meet this one on its overlay address.',
    labels: [],
  },
  sessions: {
    name: 'ratatoskr_sessions',
    type: 'gauge',
    help: 'Peers with which the router has a session that deserves a bridge.',
    labels: [],
  },
  agents: { name: 'ratatoskr_agents_met', type: 'gauge', help: 'Peers whose agents this one is linked with.', labels: [] },
  routesMode: {
    name: 'ratatoskr_routes_mode',
    type: 'gauge',
    help: 'Always 1 where relays are used; its label tells who chooses the relays of paths: p2p, static or super.',
    labels: ['mode'],
  },
  routesFrozen: {
    name: 'ratatoskr_routes_frozen',
    type: 'gauge',
    help: 'Whether the coordinator of routes cannot be asked, so that paths keep the routes that it told last.',
    labels: [],
  },
  routesFrozenSince: {
    name: 'ratatoskr_routes_frozen_since_timestamp_seconds',
    type: 'gauge',
    help: 'Since when that is so, since 1970; 0 while it is not.',
    labels: [],
  },
  bridges: { name: 'ratatoskr_bridges', type: 'gauge', help: 'Bridges that are up.', labels: ['strategy', 'kind'] },
  attempts: { name: 'ratatoskr_attempts_total', type: 'counter', help: 'Attempts begun.', labels: ['strategy', 'role'] },
  attemptFailures: {
    name: 'ratatoskr_attempt_failures_total',
    type: 'counter',
    help: 'Attempts that came to no bridge, by the code of the reason (docs/errors.md).',
    labels: ['strategy', 'code'],
  },
  exhausted: {
    name: 'ratatoskr_ladders_exhausted_total',
    type: 'counter',
    help: 'Times that every strategy had been tried with a peer in vain.',
    labels: [],
  },
  signallingFailures: {
    name: 'ratatoskr_signalling_failures_total',
    type: 'counter',
    help: 'Peers that could not be met, and remotes that were turned away, by the code of the reason.',
    labels: ['code'],
  },
  opened: {
    name: 'ratatoskr_bridges_opened_total',
    type: 'counter',
    help: 'Bridges that came up.',
    labels: ['strategy', 'kind'],
  },
  closed: {
    name: 'ratatoskr_bridges_closed_total',
    type: 'counter',
    help: 'Bridges that went down, by the code of the reason.',
    labels: ['strategy', 'code'],
  },
  setup: {
    name: 'ratatoskr_bridge_setup_seconds',
    type: 'histogram',
    help: 'From when a session was first seen until its bridge was up.',
    labels: ['strategy'],
    buckets: [0.25, 0.5, 1, 2, 4, 8, 16, 32, 64],
  },
  received: { name: 'ratatoskr_received_bytes_total', type: 'counter', help: 'Bytes that came over all bridges.', labels: [] },
  transmitted: {
    name: 'ratatoskr_transmitted_bytes_total',
    type: 'counter',
    help: 'Bytes that went over all bridges.',
    labels: [],
  },
  bridgeReceived: {
    name: 'ratatoskr_bridge_received_bytes_total',
    type: 'counter',
    help: 'Bytes that came over a bridge since it came up.',
    labels: bridge,
  },
  bridgeTransmitted: {
    name: 'ratatoskr_bridge_transmitted_bytes_total',
    type: 'counter',
    help: 'Bytes that went over a bridge since it came up.',
    labels: bridge,
  },
  bridgeRtt: {
    name: 'ratatoskr_bridge_rtt_seconds',
    type: 'gauge',
    help: 'The last round trip over a bridge, queues included.',
    labels: bridge,
  },
  overlayRtt: {
    name: 'ratatoskr_bridge_overlay_rtt_seconds',
    type: 'gauge',
    help: 'The round trip over the overlay that a bridge replaced.',
    labels: bridge,
  },
  cpu: { name: 'process_cpu_seconds_total', type: 'counter', help: 'Processor time, user and system.', labels: [] },
  memory: { name: 'process_resident_memory_bytes', type: 'gauge', help: 'Memory in use.', labels: [] },
  started: { name: 'process_start_time_seconds', type: 'gauge', help: 'When the process started, since 1970.', labels: [] },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

/** Those of `ratatoskr relay`, beside the ones of every process. */
export const relayMetricDefinitions = {
  circuits: { name: 'ratatoskr_relay_circuits', type: 'gauge', help: 'Places reserved.', labels: [] },
  circuitsLimit: { name: 'ratatoskr_relay_circuits_limit', type: 'gauge', help: 'Places that can be reserved.', labels: [] },
  connections: {
    name: 'ratatoskr_relay_connections',
    type: 'gauge',
    help: 'Connections that have proved themselves.',
    labels: [],
  },
  users: { name: 'ratatoskr_relay_users', type: 'gauge', help: 'Names of invites in use, 64 at most.', labels: [] },
  carried: {
    name: 'ratatoskr_relay_carried_bytes_total',
    type: 'counter',
    help: 'Bytes carried, both directions together.',
    labels: [],
  },
  answered: { name: 'ratatoskr_relay_stun_answers_total', type: 'counter', help: 'STUN requests answered.', labels: [] },
  turnedAway: {
    name: 'ratatoskr_relay_turned_away_total',
    type: 'counter',
    help: 'Connections closed because they proved nothing, or were too many.',
    labels: [],
  },
  refusals: {
    name: 'ratatoskr_relay_refusals_total',
    type: 'counter',
    help: 'Requests refused, by the code of the reason.',
    labels: ['code'],
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

/** docs/metrics.md, generated from the definitions. */
export function metricsPage(): string {
  const rowsOf = (definitions: readonly MetricDefinition[]) =>
    definitions
      .map(
        ({ name, type, labels, help }) =>
          `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
      )
      .join('\n');
  const { info, cpu, memory, started } = metricDefinitions;
  return `# Metrics

<!-- Generated from src/metrics/definitions.ts by \`npx tsx scripts/write-docs.ts\`; a test fails when it is stale. -->

The agent tells its metrics in the format of [Prometheus](https://prometheus.io) at \`/metrics\`, over HTTP where \`http.listen\` says
so, and on the control socket always:

\`\`\`sh
ratatoskr run --http 127.0.0.1:4780
curl http://127.0.0.1:4780/metrics
curl --unix-socket /run/ratatoskr/control.sock http://localhost/metrics
\`\`\`

\`\`\`yaml
# prometheus.yml
scrape_configs:
  - job_name: ratatoskr
    static_configs:
      - targets: ["127.0.0.1:4780"]
rule_files:
  - ratatoskr-alerts.yml
\`\`\`

[\`contrib/prometheus/ratatoskr-alerts.yml\`](../contrib/prometheus/ratatoskr-alerts.yml) has alerts to begin with, and
[\`contrib/grafana/ratatoskr.json\`](../contrib/grafana/ratatoskr.json) a dashboard to import.

| Metric | Type | Labels | Meaning |
|---|---|---|---|
${rowsOf(Object.values(metricDefinitions))}

\`strategy\` is a name from the configuration, \`kind\` is \`direct\` or \`relayed\`, \`role\` is \`controlling\` or \`controlled\`, \`code\` is one of
[errors.md](errors.md) or \`OTHER\`, and \`peer\` is an overlay address. Only bridges that are up have a line of their own, and no more than
${maxPeerLines} of them: nobody can make the number of lines grow by knocking. Addresses of strangers are in no label.

## Of a relay that runs on its own

\`ratatoskr relay\` tells these at \`/metrics\` of its own control socket, and over HTTP with \`--http\`, where it serves nothing else:

\`\`\`sh
ratatoskr relay --http 127.0.0.1:4781
curl http://127.0.0.1:4781/metrics
curl --unix-socket /run/ratatoskr/relay/control.sock http://localhost/metrics
\`\`\`

| Metric | Type | Labels | Meaning |
|---|---|---|---|
${rowsOf([...Object.values(relayMetricDefinitions), info, cpu, memory, started])}

Names of invites are in no label; \`ratatoskr status\` tells who uses the relay ([commands.md](commands.md)).
`;
}
