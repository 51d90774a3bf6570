import { DirectStrategy } from '../direct-strategy.js';

export class ClosesOnce extends DirectStrategy {
  private closed = false;

  override async close(): Promise<void> {
    if (this.closed) throw new Error('it is closed already');
    this.closed = true;
  }
}
