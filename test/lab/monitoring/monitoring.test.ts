import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { type MetricDefinition, metricDefinitions } from '../../../src/metrics/definitions.js';

const contrib = fileURLToPath(new URL('../../../contrib', import.meta.url));
const alerts = readFileSync(`${contrib}/prometheus/ratatoskr-alerts.yml`, 'utf8');
const dashboard = z
  .object({
    uid: z.string(),
    panels: z.array(
      z.object({ title: z.string(), targets: z.array(z.object({ expr: z.string(), legendFormat: z.string() })).min(1) }),
    ),
  })
  .parse(JSON.parse(readFileSync(`${contrib}/grafana/ratatoskr.json`, 'utf8')));

const promtool = (...args: string[]) =>
  execFileSync('promtool', args, { cwd: `${contrib}/prometheus`, encoding: 'utf8', stdio: 'pipe' });
/** Queries of the dashboard, with what Grafana would fill in. */
const queries = dashboard.panels.flatMap(({ targets }) =>
  targets.map(({ expr }) => expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*')),
);
const definitions = Object.values<MetricDefinition>(metricDefinitions);
const series = definitions.flatMap(({ name, type }) =>
  type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
);
const named = (text: string) => [...text.matchAll(/\b(?:ratatoskr|process)_[a-z_]+\b/g)].map(([name]) => name);

it('the alerts are rules that Prometheus takes, and go off when and only when they should', () => {
  expect(promtool('check', 'rules', 'ratatoskr-alerts.yml')).toContain('SUCCESS');
  expect(promtool('test', 'rules', 'ratatoskr-alerts.test.yml')).toContain('SUCCESS');
});

it('every query of the dashboard is one that Prometheus takes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ratatoskr-dashboard-'));
  try {
    const rules = queries.map((expr, index) => ({ record: `panel:query:${index}`, expr }));
    // JSON is YAML.
    writeFileSync(join(folder, 'queries.yml'), JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
    expect(promtool('check', 'rules', join(folder, 'queries.yml'))).toContain(`SUCCESS: ${queries.length} rules found`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('alerts and dashboard name only metrics that there are', () => {
  const used = new Set([...named(alerts.replaceAll(/summary:.*|description:.*|- alert:.*/g, '')), ...queries.flatMap(named)]);
  expect(used.size).toBeGreaterThan(10);
  expect([...used].filter((name) => !series.includes(name))).toEqual([]);
});

it('labels that the dashboard shows are labels of what it asks for', () => {
  const labels = new Set(['instance', ...definitions.flatMap((definition) => definition.labels)]);
  const shown = dashboard.panels.flatMap(({ targets }) =>
    targets.flatMap(({ legendFormat }) => [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label)),
  );
  expect(shown.filter((label) => !labels.has(label))).toEqual([]);
});
