import type { AttemptContext, Path } from '../../../src/core/strategy.js';
import { DirectStrategy } from '../direct-strategy.js';

export class LeavesARejection extends DirectStrategy {
  override async attempt(context: AttemptContext): Promise<Path> {
    void Promise.reject(new Error('nobody looks here'));
    return super.attempt(context);
  }
}
