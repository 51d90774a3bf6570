/** Resolves when one of the signals aborts. Leaves nothing on the others. */
export function aborted(...signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    const over = () => {
      for (const signal of signals) signal.removeEventListener('abort', over);
      resolve();
    };
    for (const signal of signals) signal.addEventListener('abort', over);
    if (signals.some((signal) => signal.aborted)) over();
  });
}

/** Rejects with the signal's reason when it aborts. */
export async function untilAborted(signal: AbortSignal): Promise<never> {
  await aborted(signal);
  throw signal.reason as Error;
}

/** Waits for a promise, but no longer than the signal allows; then it rejects with the signal's reason. Leaves nothing on the signal. */
export function unlessAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
