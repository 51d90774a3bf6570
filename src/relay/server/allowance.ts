import { type Clock, sleep } from '../../core/clock.js';
import { StrategyError } from '../../core/errors.js';

/** What may be carried, both directions together, and for how long. */
export interface AllowanceLimits {
  /** Bytes a second, of one peer and of all. */
  readonly ratePerPeer: number;
  readonly rate: number;
  /** Bytes in a day, of one peer and of all. */
  readonly bytesPerDayPerPeer: number;
  readonly bytesPerDay: number;
  /** Milliseconds that the circuits of one peer, and all, last in a day, each counted from its reservation to its end. */
  readonly timePerDayPerPeer: number;
  readonly timePerDay: number;
}

const dayMs = 24 * 60 * 60_000;
/** Bytes that wait less than this go at once, in milliseconds. */
const burstMs = 100;
/** Peers whose use is remembered; of more, the one that was quiet the longest is forgotten. */
const maxPeers = 4096;

/** Rates, amounts and times that a relay grants, to one peer and to all together. */
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
    const { rate, bytesPerDay, timePerDay } = limits;
    this.total = new Meter(clock, { rate, bytesPerDay, timePerDay });
  }

  /** @throws StrategyError RELAY_BYTES_SPENT, RELAY_TIME_SPENT when the peer, or all together, have used the day's up */
  check(peer: string): void {
    if (this.least(peer, ({ bytes }) => bytes.left) <= 0) {
      throw new StrategyError('RELAY_BYTES_SPENT', 'The bytes that this relay carries in a day are spent.');
    }
    if (this.timeLeft(peer) <= 0) {
      throw new StrategyError('RELAY_TIME_SPENT', 'The time for which this relay carries circuits in a day is spent.');
    }
  }

  /** Counts bytes of a peer, and resolves when they may go. @throws as {@link check}, or the signal's reason */
  async spend(peer: string, bytes: number, signal: AbortSignal): Promise<void> {
    this.check(peer);
    this.carried += bytes;
    const waitMs = Math.max(this.total.carry(bytes), this.meterOf(peer).carry(bytes));
    if (waitMs > 0) await sleep(this.clock, waitMs, signal);
  }

  /** Bytes carried for each peer that is remembered. */
  get users(): ReadonlyMap<string, number> {
    return new Map([...this.peers].map(([peer, { carried }]) => [peer, carried]));
  }

  /** Milliseconds for which one circuit of a peer may still go on today. */
  timeLeft(peer: string): number {
    return this.least(peer, ({ time }) => time.left);
  }

  /** Counts the time of a circuit of a peer, in milliseconds. */
  spendTime(peer: string, milliseconds: number): void {
    for (const meter of [this.total, this.meterOf(peer)]) meter.time.take(milliseconds);
  }

  private least(peer: string, left: (meter: Meter) => number): number {
    return Math.min(left(this.total), left(this.meterOf(peer)));
  }

  private meterOf(peer: string): Meter {
    const meter = this.peers.get(peer) ?? this.newMeter();
    this.peers.delete(peer);
    this.peers.set(peer, meter);
    const [quietest] = this.peers.keys();
    if (this.peers.size > maxPeers && quietest !== undefined) this.peers.delete(quietest);
    return meter;
  }

  private newMeter(): Meter {
    const { ratePerPeer: rate, bytesPerDayPerPeer: bytesPerDay, timePerDayPerPeer: timePerDay } = this.limits;
    return new Meter(this.clock, { rate, bytesPerDay, timePerDay });
  }
}

/** What one peer has had, or all. */
class Meter {
  readonly bytes: DayBudget;
  readonly time: DayBudget;
  carried = 0;
  /** When all that was carried will have gone at the given rate. */
  private freeAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly clock: Clock,
    private readonly limits: { readonly rate: number; readonly bytesPerDay: number; readonly timePerDay: number },
  ) {
    this.bytes = new DayBudget(clock, limits.bytesPerDay);
    this.time = new DayBudget(clock, limits.timePerDay);
  }

  /** @returns how long the bytes must wait, in milliseconds */
  carry(bytes: number): number {
    const now = this.clock.now();
    this.bytes.take(bytes);
    this.carried += bytes;
    this.freeAt = Math.max(this.freeAt, now) + (bytes / this.limits.rate) * 1000;
    const waitMs = this.freeAt - now;
    return waitMs > burstMs ? waitMs : 0;
  }
}

/** An amount that is there anew every day. */
class DayBudget {
  private dayStart: number;
  private used = 0;

  constructor(
    private readonly clock: Clock,
    private readonly perDay: number,
  ) {
    this.dayStart = clock.now();
  }

  get left(): number {
    if (this.clock.now() - this.dayStart >= dayMs) {
      this.dayStart = this.clock.now();
      this.used = 0;
    }
    return this.perDay - this.used;
  }

  take(amount: number): void {
    this.used += amount;
  }
}
