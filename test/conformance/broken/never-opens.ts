import { StrategyError } from '../../../src/core/errors.js';
import { DirectStrategy } from '../direct-strategy.js';

export class NeverOpens extends DirectStrategy {
  override async attempt(): Promise<never> {
    throw new StrategyError('STRATEGY_NO_PATH', 'It does not feel like it.');
  }
}
