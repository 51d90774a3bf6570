import { describe, expect, test } from 'vitest';
import { StatusBook } from '../../src/control/status-book.js';
import { type AgentEvents, type EventName, EventSource, onEvent } from '../../src/core/events.js';
import { AgentMetrics, type LiveBridge } from '../../src/metrics/agent-metrics.js';
import { maxPeerLines, metricDefinitions, relayMetricDefinitions } from '../../src/metrics/definitions.js';

const peer = { key: 'ab'.repeat(32), address: '200:1234::1' };
const attempt = { peer, attempt: '00'.repeat(16), strategy: 'tcp-hole-punching' };

function bridgeWith(address: string, bytesIn = 0): LiveBridge {
  const counters = { bytesIn, bytesOut: 2 * bytesIn };
  return { strategy: 'tcp-hole-punching', peer: { address }, kind: 'direct', counters, rttMs: 12.5, overlayRttMs: 90 };
}

/** Metrics of an agent that says what is published. */
function watched(bridges: () => readonly LiveBridge[] = () => []) {
  const events = new EventSource('metered', () => 0);
  const book = new StatusBook({ version: '1.2.3', pid: 1, startedAt: 0 });
  const metrics = new AgentMetrics({ version: '1.2.3', status: () => book.status(), bridges });
  const publish = <Name extends EventName>(event: Name, payload: AgentEvents[Name]) => {
    const end = onEvent((each) => {
      book.read(each);
      metrics.read(each);
    });
    events.publish(event, payload);
    end();
  };
  const lines = async () => (await metrics.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return { metrics, publish, lines };
}

describe('the metrics', () => {
  test('have every name that is defined, in the format of Prometheus', async () => {
    const { metrics } = watched();
    const text = await metrics.text();
    for (const { name, type } of Object.values(metricDefinitions)) expect(text).toContain(`# TYPE ${name} ${type}\n`);
    expect(metrics.contentType).toContain('text/plain');
  });

  test('keep to the conventions: base units, and _total for what only grows', () => {
    for (const { name, type } of [...Object.values(metricDefinitions), ...Object.values(relayMetricDefinitions)]) {
      expect(name).toMatch(/^(ratatoskr|process)_[a-z_]+$/);
      expect(name.endsWith('_total'), name).toBe(type === 'counter');
      expect(name).not.toMatch(/_(ms|milliseconds|kb|percent)(_|$)/);
    }
  });

  test('count attempts and what came of them', async () => {
    const { publish, lines } = watched();
    publish('attempt.started', { ...attempt, role: 'controlling' });
    publish('attempt.failed', { ...attempt, code: 'PUNCH_TIMEOUT', message: 'no', durationMs: 5 });
    const found = await lines();
    expect(found).toContain('ratatoskr_attempts_total{strategy="tcp-hole-punching",role="controlling"} 1');
    expect(found).toContain('ratatoskr_attempt_failures_total{strategy="tcp-hole-punching",code="PUNCH_TIMEOUT"} 1');
  });

  test('have one line for all codes that a peer makes up', async () => {
    const { publish, lines } = watched();
    for (let number = 0; number < 100; number++) {
      publish('signalling.failed', { remote: `200::${number}`, code: `MADE_UP_${number}`, message: 'no' });
    }
    const found = (await lines()).filter((line) => line.startsWith('ratatoskr_signalling_failures_total'));
    expect(found).toEqual(['ratatoskr_signalling_failures_total{code="OTHER"} 100']);
  });

  test('tell of the bridges that are up, and of no more peers than the cap', async () => {
    const many = Array.from({ length: 200 }, (_, index) => bridgeWith(`200::${index.toString(16)}`, 10));
    const found = await watched(() => many).lines();
    expect(found.filter((line) => line.startsWith('ratatoskr_bridge_rtt_seconds'))).toHaveLength(maxPeerLines);
    expect(found).toContain('ratatoskr_bridge_rtt_seconds{peer="200::1",strategy="tcp-hole-punching",kind="direct"} 0.0125');
    expect(found).toContain('ratatoskr_bridges{strategy="tcp-hole-punching",kind="direct"} 200');
    expect(found).toContain('ratatoskr_received_bytes_total 2000');
  });

  test('keep the bytes of bridges that are gone', async () => {
    let bridges = [bridgeWith(peer.address, 700)];
    const { publish, lines } = watched(() => bridges);
    expect(await lines()).toContain('ratatoskr_received_bytes_total 700');
    bridges = [];
    const counters = { bytesIn: 750, bytesOut: 10, dropped: 0, transitIn: 0, transitOut: 0 };
    publish('bridge.down', { ...attempt, code: 'PATH_DEAD', message: 'dead', ageMs: 1, ...counters });
    const found = await lines();
    expect(found).toContain('ratatoskr_received_bytes_total 750');
    expect(found.filter((line) => line.includes('peer='))).toEqual([]);
  });

  test('say whether the router is there', async () => {
    const { publish, lines } = watched();
    expect(await lines()).toContain('ratatoskr_router_up 0');
    publish('router.connected', { ...peer, admin: 'unix:///y.sock', version: '0.5.14' });
    expect(await lines()).toContain('ratatoskr_router_up 1');
  });
});
