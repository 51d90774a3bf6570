import { DirectStrategy } from '../direct-strategy.js';

export class KeepsItsListener extends DirectStrategy {
  protected override async release(): Promise<void> {}
}
