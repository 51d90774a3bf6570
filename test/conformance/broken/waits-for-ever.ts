import { DirectStrategy } from '../direct-strategy.js';

/** Waits as long as its signal lets it. */
export class WaitsForEver extends DirectStrategy {
  protected override inTime<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      promise.then(resolve, reject);
    });
  }
}
