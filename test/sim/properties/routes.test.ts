import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DelaySamples, type OneWayDelays } from '../../../src/core/routes/one-way-delay.js';
import { shortestRoundTrip } from '../../../src/core/routes/round-trips.js';
import { SeededRandom } from '../../../src/testing/seeded-random.js';

/** What it takes from one end to a relay and back, and from the other end, in milliseconds. */
interface Lines {
  readonly near: OneWayDelays;
  readonly far: OneWayDelays;
}
/** A clock that is off, and gains or loses. */
interface Skew {
  readonly offsetMs: number;
  readonly drift: number;
}

const milliseconds = fc.double({ min: 0.1, max: 300, noNaN: true });
const line = fc.record({ outMs: milliseconds, inMs: milliseconds });
const topologies = fc.array(fc.record({ near: line, far: line }), { minLength: 1, maxLength: 8 });
/** Of both ends, and then of the relays: up to six hours off, and up to 100 ppm fast or slow. */
const sixHours = 6 * 3_600_000;
const skews = fc.array(
  fc.record({
    offsetMs: fc.double({ min: -sixHours, max: sixHours, noNaN: true }),
    drift: fc.double({ min: -1e-4, max: 1e-4, noNaN: true }),
  }),
  { minLength: 10, maxLength: 10 },
);
const withoutDrift = (all: readonly Skew[]) => all.map(({ offsetMs }) => ({ offsetMs, drift: 0 }));

interface Measuring {
  /** When an end asks its first question, in true milliseconds. */
  readonly startMs?: (end: 'near' | 'far', relay: number) => number;
  readonly questions?: number;
  /** What one packet takes where the line takes so much. */
  readonly noise?: (delayMs: number) => number;
}

/** Both ends ask every relay, as agents do, each by its own clock. */
function measure(topology: readonly Lines[], clocks: readonly Skew[], measuring: Measuring = {}) {
  const { startMs = () => 0, questions = 1, noise = (delayMs: number) => delayMs } = measuring;
  const shows = (clock: number, trueMs: number) => {
    const { offsetMs = 0, drift = 0 } = clocks[clock] ?? {};
    return trueMs * (1 + drift) + offsetMs;
  };
  const ask = (end: 'near' | 'far', { outMs, inMs }: OneWayDelays, relay: number): OneWayDelays => {
    const samples = new DelaySamples();
    const [own, theirs] = [end === 'near' ? 0 : 1, relay + 2];
    for (let question = 0; question < questions; question++) {
      const sent = startMs(end, relay) + question * 20;
      const heard = sent + noise(outMs);
      const answered = heard + 0.3;
      samples.add({
        sentAt: shows(own, sent),
        heardAt: shows(theirs, heard),
        answeredAt: shows(theirs, answered),
        returnedAt: shows(own, answered + noise(inMs)),
      });
    }
    return samples.delays ?? { outMs: Infinity, inMs: Infinity };
  };
  return topology.map((lines, relay) => ({ lines, near: ask('near', lines.near, relay), far: ask('far', lines.far, relay) }));
}

const outOf = ({ near, far }: Lines) => near.outMs + far.inMs;
const backOf = ({ near, far }: Lines) => far.outMs + near.inMs;

/** Floyd and Warshall's all-pairs shortest paths on the true delays, with the relays alone in between: another way to the same answer. */
function floydWarshall(topology: readonly Lines[]): { readonly outMs: number; readonly backMs: number } {
  const nodes = topology.length + 2;
  const delays = Array.from({ length: nodes }, (_, from) =>
    Array.from({ length: nodes }, (_, to) => (from === to ? 0 : Infinity)),
  );
  const set = (from: number, to: number, delayMs: number) => delays[from]?.splice(to, 1, delayMs);
  const get = (from: number, to: number) => delays[from]?.[to] ?? Infinity;
  for (const [index, { near, far }] of topology.entries()) {
    set(0, index + 2, near.outMs);
    set(index + 2, 0, near.inMs);
    set(1, index + 2, far.outMs);
    set(index + 2, 1, far.inMs);
  }
  for (let via = 2; via < nodes; via++)
    for (let from = 0; from < 2; from++)
      for (let to = 0; to < 2; to++) set(from, to, Math.min(get(from, to), get(from, via) + get(via, to)));
  return { outMs: get(0, 1), backMs: get(1, 0) };
}

describe('ways over relays by one-way delays', () => {
  it('are the shortest of the true delays in each direction, whatever the clocks say', () => {
    const property = fc.property(topologies, skews, (topology, clocks) => {
      const trip = shortestRoundTrip(measure(topology, withoutDrift(clocks)));
      const truth = floydWarshall(topology);
      expect(outOf(trip?.out.lines ?? ({} as Lines))).toBeCloseTo(truth.outMs, 6);
      expect(backOf(trip?.back.lines ?? ({} as Lines))).toBeCloseTo(truth.backMs, 6);
    });
    fc.assert(property, { numRuns: 1000 });
  });

  it('take together what they really take: no clock is left in a round trip', () => {
    const property = fc.property(topologies, skews, (topology, clocks) => {
      const trip = shortestRoundTrip(measure(topology, withoutDrift(clocks)));
      const { outMs, backMs } = floydWarshall(topology);
      expect(trip?.rttMs).toBeCloseTo(outMs + backMs, 5);
    });
    fc.assert(property, { numRuns: 300 });
  });

  it('lose no more to clocks that drift than these do while measurements are taken', () => {
    // Three clocks on a way, 100 ppm each, 5 s between the first and the last question, two ways to compare: 3 ms.
    const property = fc.property(topologies, skews, (topology, clocks) => {
      const startMs = (end: 'near' | 'far', relay: number) => 10_000_000 + ((relay * 2 + (end === 'near' ? 0 : 1)) % 6) * 1000;
      const trip = shortestRoundTrip(measure(topology, clocks, { startMs }));
      if (trip) expect(outOf(trip.out.lines) - floydWarshall(topology).outMs).toBeLessThan(3.1);
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('are none when the times make a round trip of less than nothing', () => {
    const honest = { near: { outMs: 10, inMs: 10 }, far: { outMs: 10, inMs: 10 } };
    const liar = { near: { outMs: -90, inMs: 110 }, far: { outMs: 10, inMs: 10 } };
    expect(shortestRoundTrip([honest, liar])).toBeUndefined();
    expect(shortestRoundTrip([honest])?.rttMs).toBe(40);
  });

  it('cost at most 5 % more than the best of 1,000 topologies when measurements are 20 % off', () => {
    const random = new SeededRandom('noise');
    const uniform = (least: number, most: number) => least + (most - least) * random.fraction();
    const drawLine = () => ({ outMs: uniform(1, 150), inMs: uniform(1, 150) });
    const costs = Array.from({ length: 1000 }, () => {
      const topology = Array.from({ length: random.integer(2, 8) }, () => ({ near: drawLine(), far: drawLine() }));
      const trip = shortestRoundTrip(measure(topology, [], { questions: 9, noise: (delayMs) => delayMs * uniform(0.8, 1.2) }));
      const { outMs, backMs } = floydWarshall(topology);
      return { chosen: trip ? outOf(trip.out.lines) + backOf(trip.back.lines) : Infinity, best: outMs + backMs };
    });
    const sum = (part: 'chosen' | 'best') => costs.reduce((total, cost) => total + cost[part], 0);
    expect(sum('chosen') / sum('best')).toBeLessThan(1.05);
    expect(costs.filter(({ chosen, best }) => chosen <= 1.05 * best).length).toBeGreaterThan(950);
  });
});
