import type { z } from 'zod';
import type { PeerRef } from './events.js';
import type { StrategyServices } from './strategy.js';

/** Version of the contract below; a discovery source of another version is not loaded. */
export const discoveryApiVersion = 1;

/** A way to learn of peers worth meeting, before there is a session with them or without one. */
export interface DiscoverySource {
  /** Its name in the config and in logs: lower-case words joined by hyphens. */
  readonly name: string;
  /**
   * Looks for peers, from when the router is there until `signal` aborts, and resolves when it has given everything back, or before
   * that when it has told all there is. Runs again when the router comes back, and a while after it has rejected.
   */
  run(context: DiscoveryContext): Promise<void>;
}

export interface DiscoveryContext {
  /** The router of this agent. */
  readonly self: PeerRef;
  readonly signal: AbortSignal;
  /** Tells of a peer. Telling it again before it expires makes it last. */
  found(peer: FoundPeer): void;
}

/** What a source says of a peer. It need not be true: the agent believes nothing of it that the peer has not confirmed over the overlay. */
export interface FoundPeer {
  /** Public key of its router, 64 hex digits. */
  readonly key: string;
  /** Overlay address; it has to be the one that derives from the key. */
  readonly address?: string;
  /** How long the peer is worth meeting unless it is told of again, in milliseconds; Infinity is for ever. */
  readonly expiresInMs: number;
  /**
   * Go on trying although it has never answered: for what the operator said. Any other peer is asked once, and if it does not
   * answer not again for ten minutes.
   * @default false
   */
  readonly keepTrying?: boolean;
  /**
   * What it is wanted for: a path, or nothing but what it does for others (it answers STUN, it relays), for which it is met and no
   * more. Told with both, it is wanted for a path.
   * @default 'path'
   */
  readonly purpose?: MeetingPurpose;
  /** Public key of the agent that told of it, where one did. */
  readonly toldBy?: string;
  /** Called when it has been asked, once: whether it has answered. One that is told of may wait long for its turn. */
  readonly asked?: (answered: boolean) => void;
}

export type MeetingPurpose = 'path' | 'services';

/** What a discovery source may use of the agent; see {@link StrategyServices}. */
export type DiscoveryServices = Pick<StrategyServices, 'net' | 'clock' | 'random' | 'log' | 'stateDir' | 'files'>;

/** What a discovery source's module exports. */
export interface DiscoveryDefinition<Options = unknown> {
  readonly name: string;
  readonly apiVersion: typeof discoveryApiVersion;
  /** Schema of its options in the config. */
  readonly options: z.ZodType<Options>;
  create(options: Options, services: DiscoveryServices): DiscoverySource;
}

/** On what {@link defineDiscovery} made; every copy of this package in a process knows the same. */
const discoveryMark = Symbol.for('ratatoskr.discovery');

/** Types a definition and marks it as one; the agent checks it again when it loads it. */
export function defineDiscovery<Options>(definition: DiscoveryDefinition<Options>): DiscoveryDefinition<Options> {
  return Object.defineProperty(definition, discoveryMark, { value: true });
}

/** Was it made by {@link defineDiscovery}, in whatever copy of this package? Nothing is said of its parts. */
export function isDiscoveryDefinition(value: unknown): value is DiscoveryDefinition {
  return typeof value === 'object' && value !== null && discoveryMark in value;
}
