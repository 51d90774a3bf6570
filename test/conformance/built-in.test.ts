import { describe, test } from 'vitest';
import { strategyConformance } from '../../src/testing.js';
import { builtIn } from './built-in.js';
import { serveTurn } from './turn-server.js';

describe.each(builtIn)('$name keeps the contract on the simulated network', ({ factory, supports }) => {
  strategyConformance({ test, unclaimed: 'omit', factory, supports, prepare: serveTurn });
});
