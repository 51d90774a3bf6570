import type { TestContext } from 'vitest';

/** What is made for a test and ends with it, whatever comes of the test: tests that own all they use may run side by side. */
export async function ownedBy<T extends { close(): Promise<void> }>(
  { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
  making: Promise<T>,
): Promise<T> {
  const made = await making;
  onTestFinished(() => made.close());
  return made;
}
