import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DelaySamples, type OneWayDelays } from '../../../src/core/routes/one-way-delay.js';
import { type RoundTrip, shortestRoundTrip, type Way } from '../../../src/core/routes/shortest-round-trip.js';
import { surveyQuestions } from '../../../src/discovery/stun/time-questions.js';
import { SeededRandom } from '../../../src/testing/seeded-random.js';

/** What it takes from one end to a relay and back, and from the other end, in milliseconds. */
interface Lines {
  readonly near: OneWayDelays;
  readonly far: OneWayDelays;
}
/** The relays, and what it takes from one to another: that of `between[from][to]`. */
interface Topology {
  readonly relays: readonly Lines[];
  readonly between: readonly (readonly number[])[];
}
/** A clock that is off, and gains or loses. */
interface Skew {
  readonly offsetMs: number;
  readonly drift: number;
}

const milliseconds = fc.double({ min: 0.1, max: 300, noNaN: true });
const line = fc.record({ outMs: milliseconds, inMs: milliseconds });
const mostRelays = 8;
const topologies = fc.record({
  relays: fc.array(fc.record({ near: line, far: line }), { minLength: 1, maxLength: mostRelays }),
  between: fc.array(fc.array(milliseconds, { minLength: mostRelays, maxLength: mostRelays }), {
    minLength: mostRelays,
    maxLength: mostRelays,
  }),
});
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

/** A relay as it was measured; `number` is its place in the topology. */
interface Measured extends Lines {
  readonly number: number;
}

/** Both ends ask every relay, and the relays each other, as agents and relays do, each by its own clock. */
function measure({ relays, between }: Topology, clocks: readonly Skew[], measuring: Measuring = {}) {
  const { startMs = () => 0, questions = 1, noise = (delayMs: number) => delayMs } = measuring;
  const shows = (clock: number, trueMs: number) => {
    const { offsetMs = 0, drift = 0 } = clocks[clock] ?? {};
    return trueMs * (1 + drift) + offsetMs;
  };
  const ask = (own: number, theirs: number, { outMs, inMs }: OneWayDelays, startedMs: number): OneWayDelays => {
    const samples = new DelaySamples();
    for (let question = 0; question < questions; question++) {
      const sent = startedMs + question * 10;
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
  const measured = relays.map(
    ({ near, far }, number): Measured => ({
      near: ask(0, number + 2, near, startMs('near', number)),
      far: ask(1, number + 2, far, startMs('far', number)),
      number,
    }),
  );
  const links = relays.map((_, from) =>
    relays.map((__, to) => {
      const line = { outMs: between[from]?.[to] ?? Infinity, inMs: between[to]?.[from] ?? Infinity };
      return ask(from + 2, to + 2, line, startMs('near', from)).outMs;
    }),
  );
  const hop = (from: Measured, to: Measured) => links[from.number]?.[to.number];
  return shortestRoundTrip(measured, { out: hop, back: hop });
}

/** What a round trip really takes, each way. */
function truthOf(trip: RoundTrip<Measured> | undefined, { relays, between }: Topology) {
  const takes = (way: Way<Measured>, start: 'near' | 'far', end: 'near' | 'far') => {
    const [first, last = first] = way;
    const link = first === last ? 0 : (between[first.number]?.[last.number] ?? Infinity);
    return (relays[first.number]?.[start].outMs ?? Infinity) + link + (relays[last.number]?.[end].inMs ?? Infinity);
  };
  if (!trip) return { outMs: Infinity, backMs: Infinity };
  return { outMs: takes(trip.out, 'near', 'far'), backMs: takes(trip.back, 'far', 'near') };
}

/**
 * Floyd and Warshall's all-pairs shortest paths on the true delays: another way to the same answer. Each relay is there twice, as the
 * first on a way and as the second, so that no way has more than two.
 */
function floydWarshall({ relays, between }: Topology): { readonly outMs: number; readonly backMs: number } {
  const shortest = (start: 'near' | 'far', end: 'near' | 'far') => {
    const nodes = 2 + 2 * relays.length;
    const delays = Array.from({ length: nodes }, (_, from) =>
      Array.from({ length: nodes }, (__, to) => (from === to ? 0 : Infinity)),
    );
    const set = (from: number, to: number, delayMs: number) => delays[from]?.splice(to, 1, delayMs);
    const get = (from: number, to: number) => delays[from]?.[to] ?? Infinity;
    for (const [first, lines] of relays.entries()) {
      set(0, 2 + first, lines[start].outMs);
      set(2 + first, 1, lines[end].inMs);
      set(2 + relays.length + first, 1, lines[end].inMs);
      for (const second of relays.keys())
        if (first !== second) set(2 + first, 2 + relays.length + second, between[first]?.[second] ?? Infinity);
    }
    for (let via = 0; via < nodes; via++)
      for (let from = 0; from < nodes; from++)
        for (let to = 0; to < nodes; to++) set(from, to, Math.min(get(from, to), get(from, via) + get(via, to)));
    return get(0, 1);
  };
  return { outMs: shortest('near', 'far'), backMs: shortest('far', 'near') };
}

describe('ways over relays by one-way delays', () => {
  it('are the shortest of the true delays in each direction, whatever the clocks say', () => {
    let overTwo = 0;
    const property = fc.property(topologies, skews, (topology, clocks) => {
      const trip = measure(topology, withoutDrift(clocks));
      const [chosen, truth] = [truthOf(trip, topology), floydWarshall(topology)];
      expect(chosen.outMs).toBeCloseTo(truth.outMs, 6);
      expect(chosen.backMs).toBeCloseTo(truth.backMs, 6);
      if (trip && trip.out.length + trip.back.length > 2) overTwo += 1;
    });
    fc.assert(property, { numRuns: 1000 });
    expect(overTwo).toBeGreaterThan(100);
  });

  it('take together what they really take: no clock is left in a round trip', () => {
    const property = fc.property(topologies, skews, (topology, clocks) => {
      const trip = measure(topology, withoutDrift(clocks));
      const { outMs, backMs } = floydWarshall(topology);
      expect(trip?.rttMs).toBeCloseTo(outMs + backMs, 5);
    });
    fc.assert(property, { numRuns: 300 });
  });

  it('lose no more to clocks that drift than these do while measurements are taken', () => {
    // Four clocks on a way, 100 ppm each, 5 s between the first and the last question, two ways to compare: 4 ms.
    const property = fc.property(topologies, skews, (topology, clocks) => {
      const startMs = (end: 'near' | 'far', relay: number) => 10_000_000 + ((relay * 2 + (end === 'near' ? 0 : 1)) % 6) * 1000;
      const trip = measure(topology, clocks, { startMs });
      if (trip) expect(truthOf(trip, topology).outMs - floydWarshall(topology).outMs).toBeLessThan(4.1);
    });
    fc.assert(property, { numRuns: 500 });
  });

  const lines = (delayMs: number) => ({ outMs: delayMs, inMs: delayMs });
  const honest = { near: lines(10), far: lines(10) };
  const liar = { near: { outMs: -90, inMs: 110 }, far: lines(10) };

  it('are none when the times of two make a round trip of less than nothing', () => {
    expect(shortestRoundTrip([honest, liar])).toBeUndefined();
    expect(shortestRoundTrip([honest])?.rttMs).toBe(40);
  });

  it('leave out the one whose times contradict those of all others', () => {
    const trip = shortestRoundTrip([{ ...honest }, liar, honest]);
    expect(trip?.rttMs).toBe(40);
    expect(trip?.out[0]).not.toBe(liar);
  });

  it('cost at most 5 % more than the best in each of 1,000 topologies when measurements are 20 % off', () => {
    const random = new SeededRandom('noise');
    const uniform = (least: number, most: number) => least + (most - least) * random.fraction();
    const drawLine = () => ({ outMs: uniform(1, 150), inMs: uniform(1, 150) });
    const costs = Array.from({ length: 1000 }, () => {
      const relays = Array.from({ length: random.integer(2, mostRelays) }, () => ({ near: drawLine(), far: drawLine() }));
      const topology = { relays, between: relays.map(() => relays.map(() => uniform(1, 150))) };
      const trip = measure(topology, [], { questions: surveyQuestions, noise: (delayMs) => delayMs * uniform(0.8, 1.2) });
      const [chosen, best] = [truthOf(trip, topology), floydWarshall(topology)];
      return (chosen.outMs + chosen.backMs) / (best.outMs + best.backMs);
    });
    expect(Math.max(...costs)).toBeLessThanOrEqual(1.05);
  });
});
