import type { StrategyServices } from '../../core/strategy.js';
import type { Observation } from './agreement.js';

/** Warns of STUN servers that disagree: once for this machine's addresses and these servers, for behind such a NAT they always do. */
export class DisagreementWarning {
  private told: string | undefined;

  constructor(private readonly services: Pick<StrategyServices, 'net' | 'log' | 'addresses'>) {}

  give(observations: readonly Observation[]): void {
    const { net, log, addresses } = this.services;
    const own = net.interfaces().map(({ address }) => address);
    const state = JSON.stringify([own.sort(), addresses.stunServers]);
    log[state === this.told ? 'debug' : 'warn']('stun.disagreement', { observations });
    this.told = state;
  }
}
