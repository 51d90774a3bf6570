import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DelayGraph, maxRelaysOnWay } from '../../../src/core/routes/delay-graph.js';
import { DelayWindow } from '../../../src/core/routes/one-way-delay.js';
import { roundTrips } from '../../../src/core/routes/round-trips.js';
import { SeededRandom } from '../../../src/testing/seeded-random.js';

/** Nodes 0 and 1 are the ends, the rest are relays. Delays in milliseconds; undefined where there is no way. */
type Topology = readonly (readonly (number | undefined)[])[];

const delay = fc.double({ min: 0.1, max: 300, noNaN: true });
const topologies: fc.Arbitrary<Topology> = fc.integer({ min: 3, max: 8 }).chain((nodes) => {
  const row = fc.array(fc.option(delay, { freq: 5, nil: undefined }), { minLength: nodes, maxLength: nodes });
  return fc.array(row, { minLength: nodes, maxLength: nodes });
});
/** A clock is up to six hours off, and gains or loses up to 100 ppm. */
const clocks = fc.array(
  fc.record({
    offsetMs: fc.double({ min: -6 * 3_600_000, max: 6 * 3_600_000, noNaN: true }),
    drift: fc.double({ min: -1e-4, max: 1e-4, noNaN: true }),
  }),
  { minLength: 8, maxLength: 8 },
);
type Clocks = readonly { readonly offsetMs: number; readonly drift: number }[];

/** All delays equally likely, where fast-check prefers the extremes. */
function drawTopology(random: SeededRandom): Topology {
  const nodes = random.integer(4, 10);
  return Array.from({ length: nodes }, () => Array.from({ length: nodes }, () => 1 + 149 * random.fraction()));
}

const show = (clocksOf: Clocks, node: number, trueMs: number) => {
  const { offsetMs = 0, drift = 0 } = clocksOf[node] ?? {};
  return trueMs * (1 + drift) + offsetMs;
};

interface Measuring {
  /** When the first question leaves, in true milliseconds, by the pair's place in the order of measuring. */
  readonly startMs: (pair: number) => number;
  readonly questions: number;
  /** What one packet takes, of what the way takes without queues. */
  readonly jitter: (delayMs: number) => number;
}

/** Every end and relay asks every other node, as agents do: the answers' times go through a window into the graph. */
function measure(topology: Topology, clocksOf: Clocks, { startMs, questions, jitter }: Measuring): DelayGraph {
  const graph = new DelayGraph();
  let pair = 0;
  for (let a = 0; a < topology.length; a++) {
    for (let b = Math.max(a + 1, 2); b < topology.length; b++) {
      const [out, back] = [topology[a]?.[b], topology[b]?.[a]];
      if (out === undefined || back === undefined) continue;
      const window = new DelayWindow(questions);
      for (let question = 0; question < questions; question++) {
        const sent = startMs(pair) + question * 20;
        const heard = sent + jitter(out);
        const answered = heard + 0.3;
        const returned = answered + jitter(back);
        window.add({
          sentAt: show(clocksOf, a, sent),
          heardAt: show(clocksOf, b, heard),
          answeredAt: show(clocksOf, b, answered),
          returnedAt: show(clocksOf, a, returned),
        });
      }
      pair += 1;
      if (!window.delays) continue;
      graph.set(String(a), String(b), window.delays.outMs);
      graph.set(String(b), String(a), window.delays.inMs);
    }
  }
  return graph;
}

const exact: Measuring = { startMs: () => 0, questions: 1, jitter: (delayMs) => delayMs };
const relaysOf = (topology: Topology) => new Set(topology.slice(2).map((_, index) => String(index + 2)));

/** Bellman and Ford's relaxation, as many rounds as a way has links: another way to the same answer. */
function shortest(topology: Topology, from: number, to: number): number {
  const symmetric = (a: number, b: number) => (topology[b]?.[a] === undefined ? undefined : topology[a]?.[b]);
  let reached = topology.map((_, node) => (node < 2 ? Infinity : (symmetric(from, node) ?? Infinity)));
  let best = Infinity;
  for (let relays = 1; relays <= maxRelaysOnWay; relays++) {
    best = Math.min(best, ...reached.map((cost, node) => (node < 2 ? Infinity : cost + (symmetric(node, to) ?? Infinity))));
    reached = reached.map((_, node) =>
      node < 2
        ? Infinity
        : Math.min(...reached.map((cost, before) => (before === node ? Infinity : cost + (symmetric(before, node) ?? Infinity)))),
    );
  }
  return best;
}

/** What a way really takes. */
function trueCost(topology: Topology, from: number, relays: readonly string[], to: number): number {
  const nodes = [from, ...relays.map(Number), to];
  return nodes.slice(1).reduce((sum, node, index) => sum + (topology[nodes[index] ?? 0]?.[node] ?? Infinity), 0);
}

describe('ways by measured one-way delays', () => {
  it('equal the shortest of the true delays in each direction, whatever the clocks say', () => {
    const property = fc.property(topologies, clocks, (topology, clocksOf) => {
      const still = clocksOf.map(({ offsetMs }) => ({ offsetMs, drift: 0 }));
      const graph = measure(topology, still, exact);
      for (const [from, to] of [
        [0, 1],
        [1, 0],
      ] as const) {
        const [way] = graph.ways(String(from), String(to), relaysOf(topology));
        const least = shortest(topology, from, to);
        if (way) expect(trueCost(topology, from, way.relays, to)).toBeCloseTo(least, 6);
        else expect(least).toBe(Infinity);
      }
    });
    fc.assert(property, { numRuns: 1000 });
  });

  it('differ in cost by what they differ in truth: offsets cancel between the same ends', () => {
    const property = fc.property(topologies, clocks, (topology, clocksOf) => {
      const still = clocksOf.map(({ offsetMs }) => ({ offsetMs, drift: 0 }));
      const [first, ...others] = measure(topology, still, exact).ways('0', '1', relaysOf(topology));
      for (const other of others) {
        const truth = trueCost(topology, 0, other.relays, 1) - trueCost(topology, 0, first?.relays ?? [], 1);
        expect(other.costMs - (first?.costMs ?? 0)).toBeCloseTo(truth, 5);
      }
    });
    fc.assert(property, { numRuns: 300 });
  });

  it('lose no more to clocks that drift than the drift between the first and the last measurement', () => {
    // Four clocks on a way, 100 ppm each, 5 s of measuring, two ways to compare: 4 ms.
    const property = fc.property(topologies, clocks, (topology, clocksOf) => {
      const graph = measure(topology, clocksOf, { ...exact, startMs: (pair) => 10_000_000 + (pair % 6) * 1000 });
      const [way] = graph.ways('0', '1', relaysOf(topology));
      if (way) expect(trueCost(topology, 0, way.relays, 1) - shortest(topology, 0, 1)).toBeLessThan(4);
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('take back and forth together what the ways take, with no clock in it', () => {
    const property = fc.property(topologies, clocks, (topology, clocksOf) => {
      const still = clocksOf.map(({ offsetMs }) => ({ offsetMs, drift: 0 }));
      for (const { out, back, rttMs } of roundTrips(measure(topology, still, exact), '0', '1', relaysOf(topology))) {
        expect(rttMs).toBeCloseTo(trueCost(topology, 0, out.relays, 1) + trueCost(topology, 1, back.relays, 0), 5);
      }
    });
    fc.assert(property, { numRuns: 300 });
  });

  it('cost at most 5 % more than the best of 1,000 topologies when measurements are 20 % off', () => {
    const random = new SeededRandom('noise');
    const noisy: Measuring = { ...exact, questions: 9, jitter: (delayMs) => delayMs * (0.8 + 0.4 * random.fraction()) };
    const costs = Array.from({ length: 1000 }, () => drawTopology(random)).flatMap((topology) => {
      const [way] = measure(topology, [], noisy).ways('0', '1', relaysOf(topology));
      return way ? [{ chosen: trueCost(topology, 0, way.relays, 1), best: shortest(topology, 0, 1) }] : [];
    });
    const sum = (part: 'chosen' | 'best') => costs.reduce((total, cost) => total + cost[part], 0);
    expect(sum('best')).toBeGreaterThan(0);
    expect(sum('chosen') / sum('best')).toBeLessThan(1.05);
    expect(costs.filter(({ chosen, best }) => chosen <= 1.05 * best).length).toBeGreaterThan(950);
  });
});
