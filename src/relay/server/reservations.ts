import type { Clock, Timer } from '../../core/clock.js';
import { StrategyError } from '../../core/errors.js';
import type { Random } from '../../core/random.js';
import type { Place } from '../client.js';
import { keyOfToken, makeToken } from '../token.js';
import type { YamuxSession } from '../yamux/session.js';
import { countBy } from './count-by.js';

export interface ReservationLimits {
  /** Circuits at once, each from its reservation to its end, of one peer and of all. */
  readonly maxCircuitsPerPeer: number;
  readonly maxCircuits: number;
  /** Milliseconds that a reservation lives without being refreshed. */
  readonly lifetimeMs: number;
  /** Milliseconds that a reservation lives at most. */
  readonly maxDurationMs: number;
}

/** A place that one circuit at a time can lead to. */
export interface Reservation {
  readonly token: string;
  readonly identity: string;
  readonly key: Uint8Array;
  /** Key of the peer that made it, and that answers for what goes through it. */
  readonly owner: string;
  /** Milliseconds that it lives without {@link refresh}. */
  readonly lifetimeMs: number;
  /** Where circuits come out, unless they go on to another relay. */
  readonly session: YamuxSession;
  readonly toward: Place | undefined;
  /** Aborts when it has ended, with a StrategyError. */
  readonly ended: AbortSignal;
  /** A circuit leads to it now. */
  taken: boolean;
  refresh(): void;
  /** Idempotent. */
  end(reason: StrategyError): void;
}

/** The places of a relay, no more than its caps. */
export class Reservations {
  private readonly byIdentity = new Map<string, Reservation>();

  constructor(
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly limits: ReservationLimits,
  ) {}

  get count(): number {
    return this.byIdentity.size;
  }

  /** Places of each peer that has any. */
  get perOwner(): ReadonlyMap<string, number> {
    return countBy([...this.byIdentity.values()].map(({ owner }) => owner));
  }

  find(identity: string): Reservation | undefined {
    return this.byIdentity.get(identity);
  }

  /** @throws StrategyError RELAY_FULL, RELAY_QUOTA_REACHED */
  reserve(owner: string, session: YamuxSession, toward?: Place): Reservation {
    const { maxCircuits, maxCircuitsPerPeer, lifetimeMs, maxDurationMs } = this.limits;
    if (this.count >= maxCircuits) throw new StrategyError('RELAY_FULL', 'This relay has no circuit left.');
    const own = [...this.byIdentity.values()].filter((other) => other.owner === owner).length;
    if (own >= maxCircuitsPerPeer) {
      throw new StrategyError('RELAY_QUOTA_REACHED', 'One peer gets no more circuits of this relay.');
    }
    const token = makeToken(this.random);
    const over = new AbortController();
    let expiry: Timer | undefined;
    const reservation: Reservation = {
      token,
      ...keyOfToken(token),
      owner,
      lifetimeMs,
      session,
      toward,
      ended: over.signal,
      taken: false,
      refresh: () => {
        expiry?.cancel();
        expiry = this.clock.setTimer(lifetimeMs, () =>
          reservation.end(new StrategyError('RELAY_EXPIRED', 'The reservation was not refreshed in time.')),
        );
      },
      end: (reason) => {
        expiry?.cancel();
        longest.cancel();
        this.byIdentity.delete(reservation.identity);
        over.abort(reason);
      },
    };
    const longest = this.clock.setTimer(maxDurationMs, () =>
      reservation.end(new StrategyError('RELAY_TIME_SPENT', 'A circuit of this relay lasts no longer.')),
    );
    reservation.refresh();
    this.byIdentity.set(reservation.identity, reservation);
    return reservation;
  }
}
