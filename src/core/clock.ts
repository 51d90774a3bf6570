/** A pending timer. */
export interface Timer {
  /** Idempotent; after it the callback never runs. */
  cancel(): void;
}

/** Time as the agent sees it, so that tests and the simulated network can own it. */
export interface Clock {
  /** Monotonic milliseconds, from any origin, with fractions. */
  now(): number;
  /** Milliseconds since the Unix epoch. */
  wallTime(): number;
  setTimer(delayMs: number, callback: () => void): Timer;
}

/** Resolves after `delayMs`, or rejects with the signal's reason as soon as it aborts. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = () => {
      timer.cancel();
      reject(signal?.reason as Error);
    };
    const timer = clock.setTimer(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** Calls back again and again until it is cancelled, which the callback may do, too: an interval from now, and from the end of each call. */
export function every(clock: Clock, intervalMs: number, callback: () => void): Timer {
  let cancelled = false;
  const next = () =>
    clock.setTimer(intervalMs, () => {
      callback();
      if (!cancelled) timer = next();
    });
  let timer = next();
  return {
    cancel() {
      cancelled = true;
      timer.cancel();
    },
  };
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  setTimer(delayMs, callback) {
    const handle = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
};
