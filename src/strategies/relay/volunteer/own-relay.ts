import type { Endpoint } from '../../../core/net.js';
import type { OneWayDelays } from '../../../core/routes/one-way-delay.js';
import type { Admission, RelayClient } from '../../../relay/client.js';
import type { Relay, RelayAddress, RelayedPlace } from '../relay-source.js';
import { streamEnds } from '../turn/stream.js';

/** A relay of our own kind, be it an agent or one that runs on its own. */
export class OwnRelay implements Relay {
  readonly address: RelayAddress;

  /** @param name `host:port`, for people */
  constructor(
    readonly name: string,
    private readonly endpoint: Endpoint,
    private readonly admission: Admission,
    private readonly client: RelayClient,
  ) {
    this.address = { ...endpoint, transport: 'tcp' };
  }

  async open({ onStream, toward, signal }: Parameters<Relay['open']>[0]): Promise<RelayedPlace> {
    const { client, endpoint, admission } = this;
    const place = await client.reserve(
      endpoint,
      admission,
      (stream) => onStream({ stream, ...streamEnds(stream) }),
      signal,
      toward,
    );
    // Whoever shows the token comes in, wherever from.
    return { ...place, protocol: 'tcp', admit: async () => {} };
  }

  delaysTo(others: readonly Endpoint[], signal: AbortSignal): Promise<readonly (OneWayDelays | undefined)[]> {
    return this.client.delays(this.endpoint, this.admission, others, signal);
  }
}
