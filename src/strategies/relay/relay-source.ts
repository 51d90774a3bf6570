import type { ByteStream, Endpoint } from '../../core/net.js';

/** Where a relay can be met, as both ends are told. */
export interface RelayAddress extends Endpoint {
  /** STUN is spoken over TLS there. */
  readonly secure: boolean;
}

/** Something that both ends can reach and that this end may ask to relay. */
export interface Relay {
  /** `host:port`, for people. */
  readonly name: string;
  readonly address: RelayAddress;
  /**
   * Opens a place at the relay where the peer can connect over TCP.
   * @param peers addresses that the peer's connection may come from
   * @throws StrategyError; nothing is left behind then
   */
  open(options: {
    readonly peers: readonly string[];
    readonly onStream: (stream: ByteStream) => void;
    readonly signal: AbortSignal;
  }): Promise<RelayedPlace>;
}

/** A place at a relay: whoever connects to `endpoint` comes out at this end. */
export interface RelayedPlace {
  readonly endpoint: Endpoint;
  /** Aborts when it is gone, and what goes through it, with a StrategyError. */
  readonly lost: AbortSignal;
  /** Gives it back. Never rejects. Idempotent. */
  close(): Promise<void>;
}

/** Why a relay that the operator named cannot be offered. */
export interface RelayFailure {
  readonly name: string;
  readonly error: unknown;
}

/** Where relays come from: the operator's TURN servers, and whatever else may relay one day. */
export interface RelaySource {
  /** The preferred first. Never rejects but for the signal. */
  relays(signal: AbortSignal): Promise<{ readonly found: readonly Relay[]; readonly failures: readonly RelayFailure[] }>;
}
