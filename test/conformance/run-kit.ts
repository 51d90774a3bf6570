import { type ConformanceOptions, strategyConformance } from '../../src/testing.js';

/** Runs the kit as a test runner does. @returns what each rule that does not hold says, by its name */
export async function runKit<Prepared>(
  options: Omit<ConformanceOptions<Prepared>, 'test'>,
): Promise<ReadonlyMap<string, string>> {
  const bodies: (readonly [string, () => Promise<void>])[] = [];
  const test = Object.assign((name: string, body: () => Promise<void>) => bodies.push([name, body]), { skip: () => {} });
  strategyConformance({ ...options, test });
  const failures = new Map<string, string>();
  for (const [name, body] of bodies) {
    await body().catch((error: Error) => failures.set(name, error.message));
  }
  return failures;
}
