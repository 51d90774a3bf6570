import type { Clock } from '../../core/clock.js';
import { RateLimit } from '../../core/rate-limit.js';

/** Datagrams of birthdays, for one peer and for all: so many at once, and in the long run so many a second. */
export const probeBudget = {
  /** Four attempts that meet nobody, then one in 200 s. One that meets takes about 300. */
  peer: { burst: 8000, perSecond: 10 },
  all: { burst: 16_000, perSecond: 40 },
} as const;
/** Peers that are remembered. */
const peers = 4096;

/**
 * What birthdays may send. A peer names the address that they aim at, so that without an end to it one that is permitted could have us
 * shoot at somebody else.
 */
export class ProbeBudget {
  private readonly ofPeers: RateLimit;
  private readonly ofAll: RateLimit;

  constructor(clock: Clock) {
    this.ofPeers = new RateLimit({ clock, ...probeBudget.peer, sources: peers });
    this.ofAll = new RateLimit({ clock, ...probeBudget.all, sources: 1 });
  }

  /** @returns whether that many may be sent for the peer; then they are counted */
  take(peerKey: string, count: number): boolean {
    return this.ofPeers.take(peerKey, count) && this.ofAll.take('all', count);
  }
}
