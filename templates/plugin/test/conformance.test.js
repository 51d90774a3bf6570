import test from 'node:test';
import { strategyConformance } from 'ratatoskr/testing';
import definition from '../dist/index.js';

// Every rule of the contract, on a simulated network: no sockets, no root. See what `opens` may name in its type.
strategyConformance({
  test,
  factory: (services) => definition.create(definition.options.parse({}), services),
  supports: { opens: ['public', 'one-nat'] },
});
