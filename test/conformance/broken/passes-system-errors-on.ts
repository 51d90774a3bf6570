import { DirectStrategy } from '../direct-strategy.js';

export class PassesSystemErrorsOn extends DirectStrategy {
  protected override failure(error: unknown): unknown {
    return error;
  }
}
