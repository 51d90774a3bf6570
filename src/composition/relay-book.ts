import type { StrategyServices } from '../core/strategy.js';
import type { Settings } from '../core/tokens.js';
import { openToRelay } from '../relay/connect.js';
import { keyOfInvite } from '../relay/invite.js';
import { RelayBook } from '../relay/relay-book.js';

/** How long a relay may take to connect and to show its key, in milliseconds each. */
const timeoutMs = 3000;

/** The relays without a router that an agent knows; what it hears of them is tried as the strategy would. */
export function makeRelayBook(services: StrategyServices, settings: Settings): RelayBook {
  return new RelayBook({
    ...services,
    named: () => settings.current.relay.servers,
    confirm: async (relay, signal) => {
      const endpoint = { address: relay.host, port: relay.port };
      const { sealed } = await openToRelay(services, endpoint, keyOfInvite(relay), { timeoutMs, signal });
      sealed.on('error', () => {});
      sealed.destroy();
    },
  });
}
