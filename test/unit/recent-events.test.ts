import { expect, it } from 'vitest';
import { RecentEvents } from '../../src/control/recent-events.js';
import type { AgentEvent } from '../../src/core/events.js';

const line = (number: number, words = ''): AgentEvent => ({
  event: 'log',
  agent: 'a',
  time: number,
  level: 'debug',
  name: 'x',
  fields: { words },
});

it('keeps the last events, oldest first, and not for ever more of them', () => {
  const recent = new RecentEvents();
  for (let number = 0; number < 1000; number++) recent.read(line(number, 'w'.repeat(1000)));
  const kept = recent.list().map(({ time }) => Number(time));
  expect(kept.at(-1)).toBe(999);
  expect(kept.length).toBeGreaterThan(100);
  expect(JSON.stringify(recent.list()).length).toBeLessThan(300_000);
});

it('does not give many up for one that is huge', () => {
  const recent = new RecentEvents();
  recent.read(line(1));
  recent.read(line(2, 'w'.repeat(1_000_000)));
  expect(recent.list()).toHaveLength(1);
});
