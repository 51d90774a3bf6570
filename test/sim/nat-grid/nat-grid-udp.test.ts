import { expect, it } from 'vitest';
import { runGrid, surprises } from './grid.js';

it('opens a path by udp between all NATs where RFC 4787 leaves a way, and between no others', { timeout: 120_000 }, async () => {
  expect(surprises(await runGrid('udp-hole-punching'))).toEqual([]);
});
