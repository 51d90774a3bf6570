import { type Packet, sizeOf } from './packet.js';
import type { SeededRandom } from './seeded-random.js';
import type { LossCause } from './statistics.js';
import type { VirtualClock } from './virtual-clock.js';

/** What a line does to what it carries, each way by itself. */
export interface LineOptions {
  /** Milliseconds one way. @default 0.05 */
  readonly delayMs?: number;
  /** Up to so many milliseconds more, uniformly; packets stay in order. @default 0 */
  readonly jitterMs?: number;
  /** Part of the packets that is lost, 0 to 1. @default 0 */
  readonly loss?: number;
  /** Part of the packets that is held up while later ones pass, 0 to 1. @default 0 */
  readonly reorder?: number;
  /** Part of the packets that arrives twice, 0 to 1. @default 0 */
  readonly duplicate?: number;
  /** Rate in bytes a second, by a token bucket. @default Infinity */
  readonly bytesPerSecond?: number;
  /** Depth of the bucket: bytes that go out at once after a pause. @default 10000 */
  readonly burstBytes?: number;
  /** Bytes that may wait for the bucket; more are dropped. @default 256 KiB */
  readonly queueBytes?: number;
  /** Largest packet in bytes, from the IP header on; bigger ones are dropped. @default 1500 */
  readonly mtu?: number;
}

/** How long a packet that others overtake is held up, in milliseconds. */
const heldUpMs = 10;

/** One direction of a link. */
export class Line {
  private lastArrival = 0;
  /** When the bucket will have let out all that was sent; in the past by as much as it has filled since. */
  private freeAt = Number.NEGATIVE_INFINITY;

  constructor(
    public options: LineOptions,
    private readonly clock: VirtualClock,
    private readonly random: SeededRandom,
    private readonly arrive: (packet: Packet) => void,
    private readonly lose: (packet: Packet, cause: LossCause) => void,
  ) {}

  send(packet: Packet): void {
    const { loss = 0, duplicate = 0, mtu = 1500 } = this.options;
    if (sizeOf(packet) > mtu) {
      this.lose(packet, 'too-big');
      return;
    }
    if (loss > 0 && this.random.fraction() < loss) {
      this.lose(packet, 'line-loss');
      return;
    }
    this.carry(packet);
    if (duplicate > 0 && this.random.fraction() < duplicate) this.carry(packet);
  }

  private carry(packet: Packet): void {
    const { delayMs = 0.05, jitterMs = 0, reorder = 0 } = this.options;
    const waitMs = this.queue(packet);
    if (waitMs === undefined) return;
    const now = this.clock.now();
    const jitter = jitterMs > 0 ? this.random.fraction() * jitterMs : 0;
    const arrival = now + waitMs + delayMs + jitter;
    if (reorder > 0 && this.random.fraction() < reorder) {
      this.clock.schedule(arrival + heldUpMs - now, () => this.arrive(packet));
      return;
    }
    this.lastArrival = Math.max(this.lastArrival, arrival);
    this.clock.schedule(this.lastArrival - now, () => this.arrive(packet));
  }

  /** @returns milliseconds until the bucket lets it out; undefined when there is no room for it to wait */
  private queue(packet: Packet): number | undefined {
    const { bytesPerSecond = Number.POSITIVE_INFINITY, burstBytes = 10_000, queueBytes = 256 * 1024 } = this.options;
    if (bytesPerSecond === Number.POSITIVE_INFINITY) return 0;
    const now = this.clock.now();
    const msPerByte = 1000 / bytesPerSecond;
    const from = Math.max(this.freeAt, now - burstBytes * msPerByte);
    const until = from + sizeOf(packet) * msPerByte;
    if ((until - now) / msPerByte > queueBytes) {
      this.lose(packet, 'queue-full');
      return undefined;
    }
    this.freeAt = until;
    return Math.max(0, until - now);
  }
}
