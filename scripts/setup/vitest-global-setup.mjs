import { setUp } from './set-up.mjs';

/** Lets `npx vitest run` find the laboratory's tools without scripts/test.mjs. */
export default async function globalSetup() {
  await setUp({ purpose: 'tests' });
}
