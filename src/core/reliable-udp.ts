import type { Duplex } from 'node:stream';
import type { BindUdpOptions, DatagramSocket, Endpoint } from './net.js';

/** A reliable, ordered stream of bytes over the datagrams of one socket, with half-close and backpressure both ways. */
export interface ReliableStream extends Duplex {
  /** Where its datagrams go. */
  readonly remote: Endpoint;
  /** Smoothed round trip in milliseconds; undefined before the first acknowledgement. */
  readonly rttMs: number | undefined;
  /** Sends to another address from now on: the peer's NAT has changed its mapping, or the peer its network. */
  changeRemote(remote: Endpoint): void;
}

/** A UDP socket that serves both kinds of traffic: datagrams that belong to no stream go to `onMessage`. */
export interface ReliableUdpSocket extends DatagramSocket {
  /**
   * Opens a stream with one remote. Both ends agree on the ids beforehand, 32 bits each and unguessable, and both open before
   * either writes. Closing the socket destroys its streams.
   */
  open(options: { readonly remote: Endpoint; readonly localId: number; readonly remoteId: number }): ReliableStream;
}

/** The reliability layer, behind a port: udx on the system's sockets, a simple one on the simulated network. */
export interface ReliableUdp {
  bind(options: BindUdpOptions): Promise<ReliableUdpSocket>;
}
