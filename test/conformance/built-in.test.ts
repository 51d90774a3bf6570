import { describe, test } from 'vitest';
import { serveTurn, strategyConformance } from '../../src/testing.js';
import { builtIn } from './built-in.js';

describe.each(builtIn)('$name keeps the contract on the simulated network', ({ factory, supports }) => {
  strategyConformance({ test, unclaimed: 'omit', factory, supports, prepare: (place) => serveTurn(place) });
});
