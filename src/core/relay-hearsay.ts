import type { RelayUri } from './config/relay-uri.js';
import type { PeerRef } from './events.js';

/** Relays that one message tells of; one with more is no valid message. */
export const maxToldRelays = 4;

/** Relays that run on their own, as agents tell each other of them: here meet gossip, and whoever knows relays and tries those that are told of. */
export interface RelayHearsay {
  /** Grows when there is something to tell again. */
  readonly changes: number;
  /** What this peer may be told: where the relay is, and leave to use it as a guest of ours. At most {@link maxToldRelays}. */
  tellable(peer: PeerRef): readonly RelayUri[];
  hear(from: PeerRef, relays: readonly RelayUri[]): void;
  /** Tries what is told and keeps it up to date until the signal aborts. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
}
