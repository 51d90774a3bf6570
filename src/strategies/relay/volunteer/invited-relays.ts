import { isIPv6 } from 'node:net';
import type { RelayUri } from '../../../core/config/relay-uri.js';
import { describeError, StrategyError } from '../../../core/errors.js';
import type { Net } from '../../../core/net.js';
import { formatEndpoint } from '../../../discovery/candidates.js';
import type { RelayClient } from '../../../relay/client.js';
import { keyOfInvite } from '../../../relay/invite.js';
import type { Relay, RelayFailure, RelaySource } from '../relay-source.js';
import { OwnRelay } from './own-relay.js';

/** The relays of the configuration that run on their own, read anew each time. */
export class InvitedRelays implements RelaySource {
  constructor(
    private readonly net: Pick<Net, 'resolve'>,
    private readonly servers: () => readonly RelayUri[],
    private readonly client: RelayClient,
  ) {}

  async relays(_peer: unknown, signal: AbortSignal): Promise<{ found: readonly Relay[]; failures: readonly RelayFailure[] }> {
    const outcomes = await Promise.all(this.servers().map((server) => this.locate(server, signal)));
    signal.throwIfAborted();
    return {
      found: outcomes.flatMap((outcome) => ('error' in outcome ? [] : [outcome])),
      failures: outcomes.flatMap((outcome) => ('error' in outcome ? [outcome] : [])),
    };
  }

  private async locate(server: RelayUri, signal: AbortSignal): Promise<Relay | RelayFailure> {
    const name = formatEndpoint({ address: server.host, port: server.port });
    try {
      const addresses = await this.net.resolve(server.host, { signal });
      const address = addresses.find((candidate) => !isIPv6(candidate)) ?? addresses[0];
      if (address === undefined) throw new Error('there is no address');
      return new OwnRelay(name, { address, port: server.port }, async () => keyOfInvite(server), this.client);
    } catch (cause) {
      const message = `The relay ${name} cannot be used: its name does not resolve (${describeError(cause).message}).`;
      return { name, error: new StrategyError('RELAY_UNREACHABLE', message, { cause }) };
    }
  }
}
