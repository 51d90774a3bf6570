import { expect, it } from 'vitest';
import { pollPause } from '../../src/core/poll-pause.js';

it.each([
  { sessions: 0, intervalMs: 1000, pauseMs: 1000 },
  { sessions: 500, intervalMs: 1000, pauseMs: 1000 },
  { sessions: 700, intervalMs: 1000, pauseMs: 1400 },
  { sessions: 20_000, intervalMs: 1000, pauseMs: 1500 },
  { sessions: 20, intervalMs: 100, pauseMs: 100 },
  { sessions: 20_000, intervalMs: 60_000, pauseMs: 60_000 },
])(
  'with $sessions sessions and an interval of $intervalMs ms polls are $pauseMs ms apart',
  ({ sessions, intervalMs, pauseMs }) => {
    expect(pollPause(sessions, intervalMs)).toBe(pauseMs);
  },
);
