import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../../src/core/net.js';
import type { ServiceKind } from '../../src/core/peer-services.js';
import { Visits } from '../../src/discovery/gossip/visits.js';
import { FakeClock } from './fake-clock.js';

const keyNumber = (number: number) => number.toString(16).padStart(64, '0');

/** Visits to relays that are all there; the number of a relay is how far it is. */
function visits() {
  const clock = new FakeClock();
  const found: string[] = [];
  const settled: (readonly [string, boolean])[] = [];
  const relayOf = (key: string): Endpoint => ({ address: '20.0.0.1', port: Number.parseInt(key.slice(-4), 16) });
  const offers: readonly ServiceKind[] = ['relay'];
  const made = new Visits({
    clock,
    services: { offersOf: () => offers, by: (key) => ({ stun: [], relay: [relayOf(key)] }) },
    context: {
      self: { key: keyNumber(0), address: '200::1' },
      signal: new AbortController().signal,
      found: ({ key }) => found.push(key),
    },
    distanceTo: async ({ port }) => port,
    bridge: false,
    settled: (key, isTrue) => settled.push([key, isTrue]),
  });
  return { made, found, settled, clock };
}

describe('visits to relays', () => {
  it('go on with the four nearest, and leave the others alone', async () => {
    const { made, clock, found } = visits();
    for (const number of [5, 1, 4, 2, 3]) made.begin(keyNumber(number));
    made.tend();
    await clock.advance(1000);
    made.tend();
    found.length = 0;
    await clock.advance(60_000);
    made.tend();
    expect(found.toSorted()).toEqual([1, 2, 3, 4].map(keyNumber));
    expect(made.has(keyNumber(5))).toBe(true);
  });

  it('may lead back after an hour to one that was too far', async () => {
    const { made, clock } = visits();
    for (const number of [5, 1, 4, 2, 3]) made.begin(keyNumber(number));
    made.tend();
    await clock.advance(1000);
    made.tend();
    await clock.advance(3_600_001);
    made.tend();
    expect(made.has(keyNumber(5))).toBe(false);
  });
});
