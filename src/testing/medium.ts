import type { NetworkNode } from './link.js';
import type { Packet } from './packet.js';
import type { SeededRandom } from './seeded-random.js';
import { type LossCause, Statistics } from './statistics.js';
import type { VirtualClock } from './virtual-clock.js';

/** What befell a packet. `sent` and `arrived` are the two ends of one line; what is `lost` at a node has no `to`. */
export interface PacketEvent {
  readonly event: 'sent' | 'arrived' | 'lost';
  readonly from: NetworkNode;
  readonly to: NetworkNode | undefined;
  readonly packet: Packet;
  readonly cause?: LossCause;
}

export type PacketObserver = (event: PacketEvent, at: number) => void;

/** What all parts of one network share. */
export class Medium {
  /** Of all its parts. */
  readonly statistics: Statistics[] = [];
  private readonly observers = new Set<PacketObserver>();
  private readonly numbers = new Map<string, number>();

  constructor(
    readonly clock: VirtualClock,
    readonly random: SeededRandom,
  ) {}

  /** Counters for one more part. */
  newStatistics(): Statistics {
    const statistics = new Statistics();
    this.statistics.push(statistics);
    return statistics;
  }

  /** Numbers parts of a kind in the order in which they are made, from 1 on. */
  nextNumber(kind: string): number {
    const number = (this.numbers.get(kind) ?? 0) + 1;
    this.numbers.set(kind, number);
    return number;
  }

  observe(event: PacketEvent): void {
    for (const observer of this.observers) observer(event, this.clock.now());
  }

  /** @returns a function that ends it */
  onPacket(observer: PacketObserver): () => void {
    this.observers.add(observer);
    return () => this.observers.delete(observer);
  }
}
