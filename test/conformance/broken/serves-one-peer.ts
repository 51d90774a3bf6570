import { StrategyError } from '../../../src/core/errors.js';
import type { AttemptContext, Path } from '../../../src/core/strategy.js';
import { DirectStrategy } from '../direct-strategy.js';

export class ServesOnePeer extends DirectStrategy {
  private busy = false;

  override async attempt(context: AttemptContext): Promise<Path> {
    if (this.busy) throw new StrategyError('STRATEGY_NO_PATH', 'Another attempt is under way.');
    this.busy = true;
    try {
      return await super.attempt(context);
    } finally {
      this.busy = false;
    }
  }
}
