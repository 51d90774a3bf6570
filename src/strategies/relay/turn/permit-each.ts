import type { Allocation } from './allocation.js';
import { TurnRefusal } from './turn-error.js';

/**
 * Lets several addresses in, one by one after a refusal, so that an address the server does not like costs only itself.
 * @throws TurnRefusal when it refuses all, StrategyError
 */
export async function permitEach(
  allocation: Pick<Allocation, 'permit'>,
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  try {
    await allocation.permit(addresses, signal);
  } catch (error) {
    if (!(error instanceof TurnRefusal) || addresses.length < 2) throw error;
    const each = await Promise.allSettled(addresses.map((address) => allocation.permit([address], signal)));
    if (each.every(({ status }) => status === 'rejected')) throw error;
  }
}
