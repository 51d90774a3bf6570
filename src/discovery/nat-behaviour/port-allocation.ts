import type { Known, PortAllocation } from './behaviour.js';

/** One mapping of a local port. */
export interface PortSample {
  readonly local: number;
  readonly external: number;
}

/** The largest step between mappings of ours that still is a sequence: others behind the NAT take ports in between. */
const largestStep = 128;
/** Fewer samples agree by chance. */
const fewestForParity = 5;
const fewestForSequence = 3;

/** How a NAT chooses ports, from mappings in the order in which they were made, each of a source or destination of its own. */
export function portAllocationOf(samples: readonly PortSample[]): PortAllocation {
  const parity = parityOf(samples);
  const preserved = samples.filter(({ local, external }) => local === external).length;
  // A port that another host holds cannot be preserved.
  if (preserved > samples.length / 2) return { kind: 'preserving', parity };
  if (samples.length < fewestForSequence) return { kind: 'unknown', parity };
  const deltas = samples.slice(1).map(({ external }, index) => external - (samples[index]?.external ?? 0));
  const delta = stepOf(deltas);
  return delta === undefined ? { kind: 'random', parity } : { kind: 'sequential', delta, parity };
}

/** The step of a sequence; undefined when there is none. */
function stepOf(deltas: readonly number[]): number | undefined {
  for (const direction of [1, -1]) {
    const steps = deltas.filter((delta) => delta * direction > 0 && Math.abs(delta) <= largestStep);
    // A sequence begins anew once, at the end of its range.
    const breaks = deltas.length - steps.length;
    if (steps.length >= 2 && breaks <= (deltas.length > 2 ? 1 : 0)) return direction * Math.min(...steps.map(Math.abs));
  }
  return undefined;
}

function parityOf(samples: readonly PortSample[]): Known {
  if (samples.some(({ local, external }) => (local - external) % 2 !== 0)) return 'no';
  return samples.length < fewestForParity ? 'unknown' : 'yes';
}
