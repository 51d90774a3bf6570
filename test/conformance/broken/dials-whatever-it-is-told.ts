import { StrategyError } from '../../../src/core/errors.js';
import type { Endpoint } from '../../../src/core/net.js';
import { DirectStrategy } from '../direct-strategy.js';

export class DialsWhateverItIsTold extends DirectStrategy {
  protected override parse(message: unknown): Endpoint {
    const { address, port } = (message ?? {}) as Partial<Endpoint>;
    if (typeof address === 'string' && typeof port === 'number') return { address, port };
    throw new StrategyError('CANDIDATES_INVALID', 'The peer offers no address.');
  }
}
