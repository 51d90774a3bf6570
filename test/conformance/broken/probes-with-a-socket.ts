import type { Probe } from '../../../src/core/strategy.js';
import { DirectStrategy } from '../direct-strategy.js';

export class ProbesWithASocket extends DirectStrategy {
  async probe(): Promise<Probe> {
    await this.services.net.bindUdp({ local: { address: '0.0.0.0', port: 0 }, onMessage: () => {} });
    return { usable: 'yes' };
  }
}
