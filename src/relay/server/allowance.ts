import { type Clock, sleep } from '../../core/clock.js';
import { StrategyError } from '../../core/errors.js';

/** What may be carried, both directions together. */
export interface AllowanceLimits {
  /** Bytes a second, of one peer and of all. */
  readonly ratePerPeer: number;
  readonly rate: number;
  /** Bytes in a day, of one peer and of all. */
  readonly bytesPerDayPerPeer: number;
  readonly bytesPerDay: number;
}

const dayMs = 24 * 60 * 60_000;
/** Bytes that wait less than this go at once, in milliseconds. */
const burstMs = 100;
/** Peers whose use is remembered; of more, the one that was quiet the longest is forgotten. */
const maxPeers = 4096;

/** Rates and amounts that a relay grants, to one peer and to all together. */
export class Allowance {
  /** Bytes carried so far. */
  carried = 0;
  private readonly total: Meter;
  /** The one that was quiet the longest comes first. */
  private readonly peers = new Map<string, Meter>();

  constructor(
    private readonly clock: Clock,
    private readonly limits: AllowanceLimits,
  ) {
    this.total = new Meter(clock, limits.rate, limits.bytesPerDay);
  }

  /** @throws StrategyError RELAY_BYTES_SPENT when the peer, or all together, have used the day's bytes up */
  check(peer: string): void {
    if (!this.total.isSpent && !this.meterOf(peer).isSpent) return;
    throw new StrategyError('RELAY_BYTES_SPENT', 'The bytes that this relay carries in a day are spent.');
  }

  /** Counts bytes of a peer, and resolves when they may go. @throws as {@link check}, or the signal's reason */
  async spend(peer: string, bytes: number, signal: AbortSignal): Promise<void> {
    this.check(peer);
    this.carried += bytes;
    const waitMs = Math.max(this.total.take(bytes), this.meterOf(peer).take(bytes));
    if (waitMs > 0) await sleep(this.clock, waitMs, signal);
  }

  private meterOf(peer: string): Meter {
    const meter = this.peers.get(peer) ?? new Meter(this.clock, this.limits.ratePerPeer, this.limits.bytesPerDayPerPeer);
    this.peers.delete(peer);
    this.peers.set(peer, meter);
    const [quietest] = this.peers.keys();
    if (this.peers.size > maxPeers && quietest !== undefined) this.peers.delete(quietest);
    return meter;
  }
}

/** One rate and one amount a day. */
class Meter {
  /** When all that was taken will have gone at the given rate. */
  private freeAt = Number.NEGATIVE_INFINITY;
  private dayStart: number;
  private used = 0;

  constructor(
    private readonly clock: Clock,
    private readonly perSecond: number,
    private readonly perDay: number,
  ) {
    this.dayStart = clock.now();
  }

  get isSpent(): boolean {
    if (this.clock.now() - this.dayStart >= dayMs) {
      this.dayStart = this.clock.now();
      this.used = 0;
    }
    return this.used >= this.perDay;
  }

  /** @returns how long the bytes must wait, in milliseconds */
  take(bytes: number): number {
    const now = this.clock.now();
    this.used += bytes;
    this.freeAt = Math.max(this.freeAt, now) + (bytes / this.perSecond) * 1000;
    const waitMs = this.freeAt - now;
    return waitMs > burstMs ? waitMs : 0;
  }
}
