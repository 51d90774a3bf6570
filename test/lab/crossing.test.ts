import { describe, expect, it } from 'vitest';
import { Crossing } from './crossing.js';
import type { NatKindName } from './nat-kinds.js';
import { ownedBy } from './owned-by.js';
import { directRttMs, links, overlayRttMs } from './round-trips.js';

describe.concurrent('agents', () => {
  const pairs: readonly (readonly [NatKindName, NatKindName])[] = [
    ['prc', 'prc'],
    ['prcrst', 'cgnat'],
    ['sym', 'public'],
  ];
  it.for(pairs)('behind %s and %s halve the round trip, lose no packet and leave nothing behind', async ([a, b], test) => {
    const crossing = await ownedBy(test, Crossing.prepare({ a, b, links }));
    const { kind, pingBefore, pingAfter, pingsLost } = await crossing.run();
    expect(kind).toBe('direct');
    expect(pingBefore).toBeGreaterThan(overlayRttMs);
    expect(pingAfter).toBeLessThan(directRttMs);
    expect(pingsLost).toBe(0);
    expect(await crossing.end()).toEqual([]);
  });
});
