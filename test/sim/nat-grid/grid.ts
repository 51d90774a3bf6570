import { type Behaviour, nameOf, pairs } from './behaviours.js';
import { type CrossingResult, cross } from './crossing.js';
import { isGivenUp } from './given-up.js';
import { type Outcome, outcomeOf } from './theory.js';

export interface GridEntry {
  readonly pair: readonly [Behaviour, Behaviour];
  readonly theory: Outcome;
  readonly expected: boolean;
  readonly result: CrossingResult;
}

/** Runs every pair by one strategy. */
export async function runGrid(strategy: 'tcp-hole-punching' | 'udp-hole-punching'): Promise<GridEntry[]> {
  const entries: GridEntry[] = [];
  for (const pair of pairs) {
    const theory = outcomeOf(...pair);
    const result = await cross({ behaviours: pair, strategy });
    entries.push({ pair, theory, expected: theory !== 'none' && !isGivenUp(...pair), result });
  }
  return entries;
}

/** Where an entry is not as expected, for people. */
export function surprises(entries: readonly GridEntry[]): string[] {
  return entries
    .filter(({ expected, result }) => expected !== result.opened)
    .map(({ pair: [one, other], theory, result }) => {
      const outcome = result.opened ? 'a bridge' : `none (${result.failures.join(', ')})`;
      return `${nameOf(one)} – ${nameOf(other)}: ${theory} by theory, but ${outcome}`;
    });
}
