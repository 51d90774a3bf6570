import { DirectStrategy } from '../direct-strategy.js';

/** Looks at the signal when it begins, and not while it waits. */
export class GoesOnWhenAborted extends DirectStrategy {
  protected override inTime<Value>(promise: Promise<Value>): Promise<Value> {
    return super.inTime(promise, new AbortController().signal);
  }
}
