import { setUp } from './set-up.mjs';
import { main } from './step.mjs';

// The set-up alone: what npm test, npm run demo and CI begin with.
await main(async () => {
  await setUp({ purpose: 'tests' });
  return 0;
});
