import type { Clock } from '../../core/clock.js';
import type { Endpoint, Net } from '../../core/net.js';
import type { StrategyServices } from '../../core/strategy.js';
import type { Situation } from './situation.js';

/** What one end has of the network and of its machine. */
export type Place = Omit<StrategyServices, 'log'>;

/** A public host beside the two ends, for whatever server a strategy needs. */
export interface ServerPlace {
  readonly net: Net;
  readonly clock: Clock;
  readonly address: string;
}

/** Two places in a situation, and whatever else is around. */
export interface ConformanceNetwork {
  readonly places: readonly [Place, Place];
  readonly server: ServerPlace;
  readonly clock: Clock;
  /** Lets time pass until a promise settles. @param limitMs how much at most, on its clock */
  until<Value>(promise: Promise<Value>, limitMs: number): Promise<Value>;
  /** From now on nothing that either place sends arrives anywhere. */
  cut(): void;
  /** Port mappings that a gateway was asked for and that are still there. */
  mappings(): readonly Endpoint[];
  close(): Promise<void>;
}

/** Makes networks of one sort. */
export interface ConformanceNetworks {
  readonly name: string;
  readonly situations: readonly Situation[];
  /** An end can vanish without a word there. */
  readonly losesPackets: boolean;
  open(situation: Situation): Promise<ConformanceNetwork>;
}
