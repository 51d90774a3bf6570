import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { createAgent } from '../../src/agent.js';
import { parseConfig } from '../../src/core/config.js';
import { defineStrategy, type StrategyServices } from '../../src/core/strategy.js';

it('a strategy of someone else’s gets no secret of the operator’s', async () => {
  const config = parseConfig('{ strategies: ["other"], relay: { turn: ["turn:u:hunter2@turn.test"] } }', 'test.conf');
  let given: StrategyServices | undefined;
  const other = defineStrategy({
    name: 'other',
    apiVersion: 1,
    options: z.unknown(),
    create: (_, services) => {
      given = services;
      return { name: 'other', attempt: async () => Promise.reject(new Error('never')) };
    },
  });
  await createAgent(config, { strategies: [other] });
  expect(given?.addresses.stunServers).toEqual(config.stun);
  expect(inspect(given, { depth: null, getters: true, showHidden: true })).not.toContain('hunter2');
});
