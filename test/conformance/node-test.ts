import { test } from 'node:test';
import { strategyConformance } from '../../src/testing.js';
import { DirectStrategy } from './direct-strategy.js';

// Run by node:test, to show that the kit needs no runner of its own.
strategyConformance({ test, factory: (services) => new DirectStrategy(services), supports: { opens: ['public'] } });
