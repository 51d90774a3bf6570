import type { Duplex } from 'node:stream';
import type { PeerRef } from '../../core/events.js';
import type { Endpoint } from '../../core/net.js';
import type { OneWayDelays } from '../../core/routes/one-way-delay.js';
import type { Place } from '../../relay/client.js';
import type { DatagramTerms } from './datagram-terms.js';

/** Where a relay can be met, as both ends are told. */
export interface RelayAddress extends Endpoint {
  /** What STUN is spoken over there. */
  readonly transport: 'udp' | 'tcp' | 'tls';
}

/** Something that both ends can reach and that this end may ask to relay. */
export interface Relay {
  /** `host:port`, for people. */
  readonly name: string;
  readonly address: RelayAddress;
  /**
   * Opens a place at the relay where the peer can connect.
   * @param options.peers addresses that the peer may come from
   * @param options.terms for a place that takes datagrams: what makes streams of them
   * @param options.toward a place at another relay, where the peer comes out instead of here; only for a relay with {@link delaysTo}
   * @throws StrategyError; nothing is left behind then
   */
  open(options: {
    readonly peers: readonly string[];
    readonly terms: DatagramTerms;
    readonly onStream: (stream: RelayedStream) => void;
    readonly toward?: Place;
    readonly signal: AbortSignal;
  }): Promise<RelayedPlace>;
  /**
   * Asks the relay how far others of our kind are from it, at most seven. Absent where it does not say.
   * @returns the delays to each and back, undefined where it knows none
   * @throws StrategyError
   */
  delaysTo?(others: readonly Endpoint[], signal: AbortSignal): Promise<readonly (OneWayDelays | undefined)[]>;
  /**
   * Opens a way of this end's own to a place that takes datagrams, for where UDP itself does not pass. Absent from a relay of streams.
   * @throws StrategyError; nothing is left behind then
   */
  approach?(options: {
    readonly place: Endpoint;
    readonly terms: DatagramTerms;
    readonly signal: AbortSignal;
  }): Promise<DatagramWay>;
}

/** What one end holds at a relay, or on the way to it. */
export interface Held {
  /** Aborts when it is gone, and what goes through it, with a StrategyError. */
  readonly lost: AbortSignal;
  /** Gives it back. Never rejects. Idempotent. */
  close(): Promise<void>;
}

/** A place at a relay: whoever connects to `endpoint` comes out at this end. */
export interface RelayedPlace extends Held {
  readonly endpoint: Endpoint;
  readonly protocol: 'tcp' | 'udp';
  /** What the peer must show there, and speak: a volunteer's protocol. @default it connects and is through */
  readonly token?: string;
  /** Lets in what comes from one more address. @throws StrategyError */
  admit(address: string, signal: AbortSignal): Promise<void>;
}

/** A way to a place that takes datagrams, with a stream on it. */
export interface DatagramWay extends Held {
  readonly stream: RelayedStream;
  /** Shows the place that somebody is there; datagrams are lost, so it is done again until the stream is open. */
  greet(): void;
}

/** A stream through a relay, and its ends for people to read. */
export interface RelayedStream {
  readonly stream: Duplex;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** What makes a stream of datagrams. */
  readonly carrier?: string;
}

/** Why a relay that the operator named cannot be offered. */
export interface RelayFailure {
  readonly name: string;
  readonly error: unknown;
}

/** Where relays come from: the operator's TURN servers, and agents that volunteer. */
export interface RelaySource {
  /** Relays for a path to this peer, the preferred first. Never rejects but for the signal. */
  relays(
    peer: Pick<PeerRef, 'key'>,
    signal: AbortSignal,
  ): Promise<{ readonly found: readonly Relay[]; readonly failures: readonly RelayFailure[] }>;
}
