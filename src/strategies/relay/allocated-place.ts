import type { Endpoint } from '../../core/net.js';
import type { Held, RelayedPlace } from './relay-source.js';
import { TurnRefusal } from './turn/turn-error.js';

interface Allocated extends Held {
  /** Lets in what comes from these addresses. @throws TurnRefusal, StrategyError */
  permit(addresses: readonly string[], signal: AbortSignal): Promise<void>;
}

/**
 * Makes a place of what was allocated at a TURN server.
 * @param peers addresses that the peer may come from; one that the server does not like costs only itself
 * @throws TurnRefusal when it refuses all, StrategyError; the allocation is given back then
 */
export async function allocatedPlace(
  allocation: Allocated,
  { endpoint, protocol }: { readonly endpoint: Endpoint; readonly protocol: RelayedPlace['protocol'] },
  peers: readonly string[],
  signal: AbortSignal,
): Promise<RelayedPlace> {
  try {
    await permitEach(allocation, peers, signal);
  } catch (error) {
    await allocation.close();
    throw error;
  }
  return {
    endpoint,
    protocol,
    lost: allocation.lost,
    admit: (address, until) => allocation.permit([address], until),
    close: () => allocation.close(),
  };
}

/** All at once, and one by one after a refusal. */
async function permitEach(allocation: Allocated, addresses: readonly string[], signal: AbortSignal): Promise<void> {
  try {
    await allocation.permit(addresses, signal);
  } catch (error) {
    if (!(error instanceof TurnRefusal) || addresses.length < 2) throw error;
    const each = await Promise.allSettled(addresses.map((address) => allocation.permit([address], signal)));
    if (each.every(({ status }) => status === 'rejected')) throw error;
  }
}
