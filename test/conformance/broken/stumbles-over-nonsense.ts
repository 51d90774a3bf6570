import { StrategyError } from '../../../src/core/errors.js';
import type { Endpoint } from '../../../src/core/net.js';
import { isPublicAddress } from '../../../src/core/reach.js';
import { DirectStrategy } from '../direct-strategy.js';

/** Takes a message for what it should be. */
export class StumblesOverNonsense extends DirectStrategy {
  protected override parse(message: unknown): Endpoint {
    const { address, port } = message as Endpoint;
    if (isPublicAddress(address.trim())) return { address, port };
    throw new StrategyError('CANDIDATES_INVALID', 'The peer offers no address that can be dialled.');
  }

  protected override failure(error: unknown): unknown {
    return error instanceof TypeError ? error : super.failure(error, new AbortController().signal);
  }
}
