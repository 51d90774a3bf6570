import { describeError } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import type { AddressBook } from '../../core/strategy.js';
import type { Relay, RelayedPlace, RelayFailure, RelaySource } from './relay-source.js';
import { Allocation } from './turn/allocation.js';
import type { TurnPlatform, TurnServer } from './turn/server.js';
import { TurnRefusal } from './turn/turn-error.js';
import { locateServer, nameOf } from './turn-servers.js';

/** The TURN servers of the configuration, read anew each time. */
export class TurnRelays implements RelaySource {
  constructor(
    private readonly platform: TurnPlatform,
    private readonly addresses: AddressBook,
    private readonly log: Logger,
  ) {}

  async relays(signal: AbortSignal): Promise<{ found: readonly Relay[]; failures: readonly RelayFailure[] }> {
    const failures: RelayFailure[] = [];
    const found = await Promise.all(
      (this.addresses.relay?.turn ?? []).map(async (entry) => {
        try {
          return [new TurnRelay(this.platform, await locateServer(entry, this.platform, signal), this.log)];
        } catch (error) {
          failures.push({ name: nameOf(entry), error });
          return [];
        }
      }),
    );
    signal.throwIfAborted();
    return { found: found.flat(), failures };
  }
}

/** A TURN server with TCP allocations (RFC 6062). */
class TurnRelay implements Relay {
  readonly name: string;
  readonly address: Relay['address'];

  constructor(
    private readonly platform: TurnPlatform,
    private readonly server: TurnServer,
    private readonly log: Logger,
  ) {
    this.name = server.name;
    this.address = { ...server.endpoint, secure: server.transport === 'tls' };
  }

  async open({ peers, onStream, signal }: Parameters<Relay['open']>[0]): Promise<RelayedPlace> {
    const attempts: number[] = [];
    let take: (id: number) => void = (id) => attempts.push(id);
    const onConnection = (id: number) => take(id);
    const allocation = await Allocation.open(this.platform, this.server, { relayed: 'tcp', onConnection }, signal);
    take = (id) => {
      // A connection that cannot be joined is one of several tries at the other end.
      allocation.accept(id, signal).then(onStream, (error: unknown) => {
        this.log.debug('turn.accept-failed', { relay: this.name, ...describeError(error) });
      });
    };
    for (const id of attempts) take(id);
    try {
      await this.permit(allocation, peers, signal);
    } catch (error) {
      await allocation.close();
      throw error;
    }
    return { endpoint: allocation.relayed, lost: allocation.lost, close: () => allocation.close() };
  }

  /** One by one after a refusal, so that an address the server does not like costs only itself. */
  private async permit(allocation: Allocation, peers: readonly string[], signal: AbortSignal): Promise<void> {
    try {
      await allocation.permit(peers, signal);
    } catch (error) {
      if (!(error instanceof TurnRefusal) || peers.length < 2) throw error;
      const each = await Promise.allSettled(peers.map((peer) => allocation.permit([peer], signal)));
      if (each.every(({ status }) => status === 'rejected')) throw error;
    }
  }
}
