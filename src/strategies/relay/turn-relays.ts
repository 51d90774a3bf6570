import { describeError } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import { allocatedPlace } from './allocated-place.js';
import { openDatagramPlace } from './datagram-place.js';
import type { DatagramWay, Relay, RelayedPlace, RelayFailure, RelaySource } from './relay-source.js';
import { RelayedUdp } from './relayed-udp.js';
import { Allocation } from './turn/allocation.js';
import type { TurnPlatform, TurnServer } from './turn/server.js';
import { streamEnds } from './turn/stream.js';
import { TurnRefusal } from './turn/turn-error.js';
import { locateServer, nameOf, type TurnEntry } from './turn-servers.js';

/** Answers of servers without RFC 6062: 442 is the right one (§5.1), the others come of not knowing what is asked for. */
const noTcpRelay: ReadonlySet<number> = new Set([400, 420, 442]);

/** The TURN servers of the configuration, read anew each time. */
export class TurnRelays implements RelaySource {
  /** Those that have refused to relay TCP, by name. */
  private readonly withoutTcp = new Set<string>();

  constructor(
    private readonly platform: TurnPlatform,
    private readonly entries: () => readonly TurnEntry[],
    private readonly log: Logger,
  ) {}

  async relays(_peer: unknown, signal: AbortSignal): Promise<{ found: readonly Relay[]; failures: readonly RelayFailure[] }> {
    const failures: RelayFailure[] = [];
    const found = await Promise.all(
      this.entries().map(async (entry) => {
        try {
          const server = await locateServer(entry, this.platform, signal);
          return [new TurnRelay(this.platform, server, this.withoutTcp, this.log)];
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

/** A TURN server: with TCP allocations (RFC 6062) where it has them, which cost the least, and else with those of RFC 8656. */
class TurnRelay implements Relay {
  readonly name: string;
  readonly address: Relay['address'];

  constructor(
    private readonly platform: TurnPlatform,
    private readonly server: TurnServer,
    private readonly withoutTcp: Set<string>,
    private readonly log: Logger,
  ) {
    this.name = server.name;
    this.address = { ...server.endpoint, transport: server.transport };
  }

  async open(options: Parameters<Relay['open']>[0]): Promise<RelayedPlace> {
    const { server, platform, withoutTcp } = this;
    // RFC 6062 §4.1: TCP is relayed for clients that use TCP themselves.
    if (server.transport === 'udp' || withoutTcp.has(server.name)) return openDatagramPlace(platform, server, options);
    try {
      return await this.openTcp(options);
    } catch (error) {
      const unsupported = error instanceof TurnRefusal && noTcpRelay.has(error.status);
      if (!unsupported || !platform.reliableUdp) throw error;
      this.log.debug('turn.no-tcp-relay', { relay: this.name, ...describeError(error) });
      const place = await openDatagramPlace(platform, server, options);
      withoutTcp.add(server.name);
      return place;
    }
  }

  async approach({ place, terms, signal }: Parameters<NonNullable<Relay['approach']>>[0]): Promise<DatagramWay> {
    const udp = await RelayedUdp.open(this.platform, this.server, { signal });
    try {
      await udp.permit([place.address], signal);
      const stream = await udp.connect(place, terms.stream('relayed', 'connector'), signal);
      const greeting = terms.greeting('relayed');
      return { stream, greet: () => udp.send(greeting, place), lost: udp.lost, close: () => udp.close() };
    } catch (error) {
      await udp.close();
      throw error;
    }
  }

  private async openTcp({ peers, onStream, signal }: Parameters<Relay['open']>[0]): Promise<RelayedPlace> {
    const attempts: number[] = [];
    let take: (id: number) => void = (id) => attempts.push(id);
    const onConnection = (id: number) => take(id);
    const allocation = await Allocation.open(this.platform, this.server, { relayed: 'tcp', onConnection }, signal);
    take = (id) => {
      allocation.accept(id, signal).then(
        (stream) => onStream({ stream, ...streamEnds(stream) }),
        (error: unknown) => {
          // A connection that cannot be joined is one of several tries at the other end.
          this.log.debug('turn.accept-failed', { relay: this.name, ...describeError(error) });
        },
      );
    };
    for (const id of attempts) take(id);
    return allocatedPlace(allocation, { endpoint: allocation.relayed, protocol: 'tcp' }, peers, signal);
  }
}
