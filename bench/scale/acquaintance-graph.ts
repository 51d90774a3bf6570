import type { Random } from '../../src/core/random.js';

/** Edges that each newcomer brings. */
const edgesEach = 2;
/** Most that one node has. */
const mostEdges = 64;

/**
 * Who has sessions with whom: each newcomer takes up with two, and rather with those that have many already (A.-L. Barabási and R. Albert,
 * Science 286, 1999). So most have a few, and some have dozens.
 * @returns pairs of numbers below `count`, none twice
 */
export function acquaintanceGraph(count: number, random: Random): readonly (readonly [number, number])[] {
  const edges: (readonly [number, number])[] = [];
  const degrees = new Uint32Array(count);
  /** Each node as often as it has edges. */
  const ends: number[] = [0];
  for (let node = 1; node < count; node++) {
    const chosen = new Set<number>();
    while (chosen.size < Math.min(edgesEach, node)) {
      const other = ends[Math.floor(random.fraction() * ends.length)] ?? 0;
      if ((degrees[other] ?? 0) < mostEdges) chosen.add(other);
    }
    for (const other of chosen) {
      edges.push([node, other]);
      ends.push(node, other);
      for (const end of [node, other]) degrees[end] = (degrees[end] ?? 0) + 1;
    }
  }
  return edges;
}
