import { describe, test } from 'vitest';
import { loopback, serveTurn, strategyConformance } from '../../src/testing.js';
import { builtIn } from './built-in.js';

describe.each(builtIn)('$name keeps the contract with the system’s sockets on loopback', ({ factory, supports }) => {
  strategyConformance({ test, unclaimed: 'omit', factory, supports, prepare: (place) => serveTurn(place), networks: loopback });
});
