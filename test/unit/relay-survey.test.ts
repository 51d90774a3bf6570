import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { systemClock as clock } from '../../src/core/clock.js';
import { systemRandom as random } from '../../src/core/random.js';
import { createSystemNet } from '../../src/native/system-net.js';
import { surveyAll } from '../../src/strategies/relay/survey.js';
import { processWarnings } from './process-warnings.js';

it('a dozen relays are looked at together, and Node sees no leak in that', async () => {
  const warnings = processWarnings();
  const nowhere = { address: '127.0.0.1', port: 1, transport: 'tcp' } as const;
  const relays = Array.from({ length: 12 }, (_, number) => ({ name: `relay ${number}`, address: nowhere }));
  const surveys = await surveyAll({ net: createSystemNet(), clock, random }, relays, new AbortController().signal);
  await setImmediate();
  expect(surveys).toHaveLength(12);
  expect(surveys.every((survey) => 'error' in survey)).toBe(true);
  expect(warnings).toEqual([]);
});
