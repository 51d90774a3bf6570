import { expect, test } from 'vitest';
import { StrategyRecord } from '../../src/control/strategy-record.js';
import type { AgentEvent } from '../../src/core/events.js';

const attempt = { agent: 'a', time: 0, peer: { key: 'k', address: '200::1' }, attempt: '0', strategy: 'one' };
const failed = (code: string, message: string): AgentEvent => ({
  ...attempt,
  event: 'attempt.failed',
  durationMs: 1,
  code,
  message,
});

function rowAfter(...events: readonly AgentEvent[]) {
  const record = new StrategyRecord(['one', 'two']);
  for (const event of events) record.read(event);
  return record.report().strategies[0];
}

test('lists the strategies in the order of the ladder, tried or not', () => {
  expect(new StrategyRecord(['one', 'two']).report().strategies.map(({ name }) => name)).toEqual(['one', 'two']);
});

test('counts attempts, and keeps the last failure', () => {
  const started: AgentEvent = { ...attempt, event: 'attempt.started', role: 'controlling' };
  expect(rowAfter(started, failed('PUNCH_TIMEOUT', 'first'), started, failed('PUNCH_TIMEOUT', 'second'))).toMatchObject({
    attempts: 2,
    failed: 2,
    lastFailure: { code: 'PUNCH_TIMEOUT', message: 'second' },
  });
});

test.each([
  ['here', 'PATH_SUPERSEDED', 'two won.'],
  ['at the peer', 'PEER_ENDED', 'The peer ended the attempt: two won. (PATH_SUPERSEDED).'],
])('an attempt that was called off %s because another was faster is no failure', (_where, code, message) => {
  expect(rowAfter(failed(code, message))).toMatchObject({ failed: 0, overtaken: 1, lastFailure: null });
});

test('counts no strategy that the agent does not have', () => {
  const record = new StrategyRecord(['two']);
  record.read(failed('PUNCH_TIMEOUT', 'no'));
  expect(record.report().strategies).toHaveLength(1);
});
