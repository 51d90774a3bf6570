import type { PeerRef } from '../../../core/events.js';
import type { RelayVolunteers } from '../../../core/strategy.js';
import { formatEndpoint } from '../../../discovery/candidates.js';
import type { RelayClient } from '../../../relay/client.js';
import { keyOfToken } from '../../../relay/token.js';
import type { Relay, RelayFailure, RelaySource } from '../relay-source.js';
import { OwnRelay } from './own-relay.js';

/** Addresses of one volunteer that are looked at: one of each family, so that none of them crowds the others out. */
const maxEndpoints = 2;

/** Linked agents that offer to relay. */
export class VolunteerRelays implements RelaySource {
  constructor(
    private readonly volunteers: RelayVolunteers,
    private readonly client: RelayClient,
  ) {}

  /** All but the peer itself: where it can be reached, it needs no relay. */
  async relays(peer: Pick<PeerRef, 'key'>): Promise<{ found: readonly Relay[]; failures: readonly RelayFailure[] }> {
    const endpoints = new Map<string, number>([[peer.key, maxEndpoints]]);
    const others = this.volunteers.known().filter(({ peer: { key } }) => {
      const count = endpoints.get(key) ?? 0;
      endpoints.set(key, count + 1);
      return count < maxEndpoints;
    });
    const found = others.map(({ peer: volunteer, endpoint }) => {
      const admission = async (signal: AbortSignal) => keyOfToken(await this.volunteers.ticket(volunteer, signal));
      return new OwnRelay(formatEndpoint(endpoint), endpoint, admission, this.client);
    });
    return { found, failures: [] };
  }
}
