import { setTimeout as delay } from 'node:timers/promises';
import { LabError } from './lab-error.js';

export interface PollOptions {
  /** Milliseconds. @default 10000 */
  readonly timeoutMs?: number;
  /** Milliseconds between looks. @default 20 */
  readonly intervalMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Looks again and again until `look` returns something else than undefined; for what tells nobody when it is ready.
 * A look that throws counts as undefined, and is the cause when time runs out.
 */
export async function poll<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  options: PollOptions = {},
): Promise<T> {
  const { timeoutMs = 10_000, intervalMs = 20, signal } = options;
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  while (performance.now() < deadline) {
    try {
      const found = await look();
      if (found !== undefined) return found;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    await delay(intervalMs, undefined, signal ? { signal } : {});
  }
  throw new LabError(`${what}: not within ${timeoutMs} ms`, { cause });
}
