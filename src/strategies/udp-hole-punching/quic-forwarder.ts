import { type Clock, sleep } from '../../core/clock.js';
import type { DatagramSocket, Endpoint, Net } from '../../core/net.js';
import type { PathPeering } from '../../core/strategy.js';
import { formatEndpoint } from '../../discovery/candidates.js';

/** Longest datagram of quic-go, with room; what is longer is none of it. */
const maxDatagram = 2048;
/** How long it forwards after the path's end, in milliseconds: the routers take leave of each other. */
const lingerMs = 500;

export interface QuicForwarderOptions {
  readonly net: Net;
  readonly clock: Clock;
  /** Where this end's router listens; absent at the end that dials. */
  readonly listener: Endpoint | undefined;
  /** Sends to the other end of the path, over the punched socket. */
  send(datagram: Buffer): void;
}

/**
 * Passes datagrams between a punched socket and this machine's router, over loopback. The router's side is one address: the listener's, or
 * that of the first who sends, which only the router knows to do. It keeps nothing: what does not fit the system's buffers is lost, as
 * anywhere.
 */
export class QuicForwarder implements PathPeering {
  bytesOut = 0;
  bytesIn = 0;
  /** Where the router is, once it is known. */
  private router: Endpoint | undefined;
  private socket: DatagramSocket | undefined;

  private constructor(private readonly options: QuicForwarderOptions) {
    this.router = options.listener;
  }

  /** @throws the system's error */
  static async open(options: QuicForwarderOptions): Promise<QuicForwarder> {
    const forwarder = new QuicForwarder(options);
    const address = options.listener?.address ?? '127.0.0.1';
    const onMessage = (data: Buffer, from: Endpoint) => forwarder.takeFromRouter(data, from);
    forwarder.socket = await options.net.bindUdp({ local: { address, port: 0 }, onMessage });
    return forwarder;
  }

  get uri(): string {
    return `quic://${formatEndpoint(this.socket?.local ?? { address: '127.0.0.1', port: 0 })}`;
  }

  get dials(): boolean {
    return this.options.listener === undefined;
  }

  /** A datagram of the other end's came over the punched socket. */
  takeFromPeer(data: Buffer): void {
    if (!this.router) return;
    this.bytesIn += data.length;
    this.socket?.send(data, this.router);
  }

  /** Goes on for a moment, and then gives the port back. */
  async end(): Promise<void> {
    await sleep(this.options.clock, lingerMs);
    await this.socket?.close();
  }

  private takeFromRouter(data: Buffer, from: Endpoint): void {
    this.router ??= from;
    if (from.port !== this.router.port || from.address !== this.router.address || !isQuic(data)) return;
    this.bytesOut += data.length;
    this.options.send(data);
  }
}

/** Both header forms of QUIC have the second bit set (RFC 9000 section 17), which STUN never has. */
export function isQuic(data: Buffer): boolean {
  return data.length > 0 && data.length <= maxDatagram && ((data[0] ?? 0) & 0x40) !== 0;
}
