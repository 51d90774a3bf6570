import { describe, expect, it } from 'vitest';
import { kinds } from './kinds.js';
import { simulate } from './outcome.js';
import { readAgreements } from './table.js';

const agreements = readAgreements();

describe('the simulated network', () => {
  it('knows all the pairs that were measured', () => {
    expect(agreements).toHaveLength(45);
    expect(agreements.filter(({ a, b }) => !(a in kinds && b in kinds))).toEqual([]);
  });

  it.each(agreements)('gives $a and $b what real kernels do: $measured', async ({ a, b, measured, simulated }) => {
    const outcome = await simulate(a, b);
    expect(outcome).toBe(measured);
    expect(outcome, 'npm run docs writes docs/nat-grid.md anew').toBe(simulated);
  });
});
