import type { AttemptContext, Path } from '../../../src/core/strategy.js';
import { DirectStrategy } from '../direct-strategy.js';

/** Listens for an abort, and never looks whether there was one. */
export class MissesAnEarlyAbort extends DirectStrategy {
  override attempt(context: AttemptContext): Promise<Path> {
    const late = new AbortController();
    context.signal.addEventListener('abort', () => late.abort(context.signal.reason), { once: true });
    return super.attempt({ ...context, signal: late.signal });
  }
}
