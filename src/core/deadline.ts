import type { Clock } from './clock.js';

export interface DeadlineOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Its abort ends the wait with its reason. */
  readonly signal?: AbortSignal;
  /** What to reject with when the time is up. */
  readonly expired: () => Error;
}

/** Waits for a promise, but no longer than a deadline or a signal allow. The promise itself is not cancelled. */
export function withDeadline<T>(promise: Promise<T>, { clock, timeoutMs, signal, expired }: DeadlineOptions): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      timer.cancel();
      signal?.removeEventListener('abort', onAbort);
      act();
    };
    const onAbort = () => settle(() => reject(signal?.reason as Error));
    const timer = clock.setTimer(timeoutMs, () => settle(() => reject(expired())));
    promise.then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error as Error)),
    );
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}
