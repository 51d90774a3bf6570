import { behaviours, nameOf } from './behaviours.js';
import { isGivenUp } from './given-up.js';
import { type Outcome, outcomeOf } from './theory.js';

/** First line of the section; whoever writes the rest of the page keeps what is from here on. */
export const sectionMark = '<!-- simulated: written by `npm run docs`; a test fails when it is stale. -->';

const letters: Readonly<Record<Outcome, string>> = { direct: 'd', chance: 'c', none: '–' };

/** The section of docs/nat-grid.md that is of the simulated network. */
export function simulatedSection(): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rows = behaviours.map((one, row) =>
    line([`${row + 1}`, nameOf(one), ...behaviours.map((other, column) => (column < row ? '' : letterOf(one, other)))]),
  );
  return [
    '# Every pair of behaviours that RFC 4787 knows',
    '',
    'Mapping (§4.1) × port allocation (§4.2.1) × filtering (§5) at either end: 378 pairs on the simulated network, whole agents with one',
    'strategy, once by UDP and once by TCP. `npx vitest run --project sim nat-grid` compares each with what follows from the definitions',
    '(`test/sim/nat-grid/theory.ts`).',
    '',
    '- **d**: a path opens between ports that both ends know, foresee or learn from each other',
    '- **c**: a path opens by the birthday paradox: one end guesses a random port of the other’s',
    '- **x**: a filter leaves a way, which agents do not try: they look at how a NAT maps, not at how it filters',
    '- **–**: no way by hole punching; a port mapping or a relay may help',
    '',
    'EI: endpoint-independent, AD: address-dependent, APD: address- and port-dependent; M: mapping, F: filtering.',
    '',
    line(['', '', ...behaviours.map((_, index) => `${index + 1}`)]),
    line(['---:', '---', ...behaviours.map(() => '---')]),
    ...rows,
    '',
  ].join('\n');
}

function letterOf(...pair: Parameters<typeof outcomeOf>): string {
  const outcome = outcomeOf(...pair);
  return outcome !== 'none' && isGivenUp(...pair) ? 'x' : letters[outcome];
}
