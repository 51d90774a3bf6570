import type { Duplex } from 'node:stream';
import type { BindUdpOptions, DatagramSocket, Endpoint } from './net.js';

/**
 * A reliable, ordered stream of bytes over the datagrams of one socket, with half-close and backpressure both ways. What is
 * written before the other end has opened waits. It is not sealed: who sees its datagrams can read them, and who knows its ids
 * can forge data or reset it. A buffer that was written must not be changed afterwards.
 *
 * Fails with an Error whose `code` is ETIMEDOUT (the other end never opened it, or fell silent), ECONNRESET (the other end
 * destroyed it, or an error came of it) or EPROTO (the other end sent more than it may).
 */
export interface ReliableStream extends Duplex {
  /** Where its datagrams go. */
  readonly remote: Endpoint;
  /** Smoothed round trip in milliseconds; undefined before the first acknowledgement. */
  readonly rttMs: number | undefined;
  /** Sends to another address from now on: the peer's NAT has changed its mapping, or the peer its network. */
  changeRemote(remote: Endpoint): void;
}

export interface OpenStreamOptions {
  readonly remote: Endpoint;
  /** Agreed on beforehand, 32 bits each, unguessable. */
  readonly localId: number;
  readonly remoteId: number;
  /**
   * Secret of the two ends, 32 bytes, for this stream alone. With it the stream follows the other end to an address where it
   * proves itself; without it only {@link ReliableStream.changeRemote} moves it.
   */
  readonly key?: Uint8Array;
  /** Milliseconds between signs of life while idle, which also keep the NATs' mappings. 100 to 60,000. @default 500 */
  readonly heartbeatMs?: number;
  /** Milliseconds of silence after which the other end counts as dead. @default 2000 */
  readonly silenceMs?: number;
  /** Milliseconds the other end may take to open. @default 10000 */
  readonly openMs?: number;
  /** Bytes the other end may send before they are read here. @default 2 MiB */
  readonly windowBytes?: number;
}

/** A UDP socket that serves both kinds of traffic: datagrams that belong to no stream go to `onMessage`. */
export interface ReliableUdpSocket extends DatagramSocket {
  /** Opens a stream with one remote; the other end does the same, at its own time. Closing the socket destroys its streams. */
  open(options: OpenStreamOptions): ReliableStream;
  /**
   * Moves to another local address, with all streams, which the other ends follow: this machine has changed its network. A socket
   * bound to all addresses of a family (`0.0.0.0`, `::`) has no need of it.
   */
  rebind?(local: Endpoint): Promise<void>;
}

/** The reliability layer, behind a port: udx on the system's sockets, a simple one on the simulated network. */
export interface ReliableUdp {
  bind(options: BindUdpOptions): Promise<ReliableUdpSocket>;
}
