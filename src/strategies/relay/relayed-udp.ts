import { StrategyError } from '../../core/errors.js';
import type { Endpoint } from '../../core/net.js';
import type { OpenStreamOptions, ReliableUdpSocket } from '../../core/reliable-udp.js';
import { formatEndpoint } from '../../discovery/candidates.js';
import { type LoopbackHop, openLoopbackHop } from './loopback-hop.js';
import type { Held, RelayedStream } from './relay-source.js';
import { Allocation } from './turn/allocation.js';
import type { TurnPlatform, TurnServer } from './turn/server.js';

export interface RelayedUdpOptions {
  /** A datagram from somewhere that no stream is open to. */
  onDatagram?(data: Buffer, from: Endpoint): void;
  readonly signal: AbortSignal;
}

/** Reliable streams over the datagrams of a UDP allocation (RFC 8656). */
export class RelayedUdp implements Held {
  private readonly hops = new Map<string, LoopbackHop>();
  private closing: Promise<void> | undefined;

  private constructor(
    private readonly platform: TurnPlatform,
    private readonly socket: ReliableUdpSocket,
    private readonly allocation: Allocation,
  ) {}

  /** @throws StrategyError RELIABLE_UDP_MISSING, TURN_...; nothing is left behind then */
  static async open(platform: TurnPlatform, server: TurnServer, options: RelayedUdpOptions): Promise<RelayedUdp> {
    const { reliableUdp } = platform;
    if (!reliableUdp) {
      const message = `The TURN server ${server.name} relays datagrams, and nothing here makes a stream of them.`;
      throw new StrategyError('RELIABLE_UDP_MISSING', message);
    }
    const socket = await reliableUdp.bind({ local: { address: '127.0.0.1', port: 0 }, onMessage: () => {} });
    try {
      let relayed: RelayedUdp | undefined;
      const onData = (data: Buffer, from: Endpoint) => {
        const hop = relayed?.hops.get(formatEndpoint(from));
        if (hop) hop.deliver(data);
        else options.onDatagram?.(data, from);
      };
      const allocation = await Allocation.open(platform, server, { relayed: 'udp', onData }, options.signal);
      relayed = new RelayedUdp(platform, socket, allocation);
      return relayed;
    } catch (error) {
      await socket.close();
      throw error;
    }
  }

  get endpoint(): Endpoint {
    return this.allocation.relayed;
  }

  get lost(): AbortSignal {
    return this.allocation.lost;
  }

  permit(addresses: readonly string[], signal: AbortSignal): Promise<void> {
    return this.allocation.permit(addresses, signal);
  }

  /** One datagram to a permitted address. */
  send(data: Uint8Array, remote: Endpoint): void {
    this.allocation.send(data, remote);
  }

  /** A stream with a remote, over a channel of its own. @throws StrategyError, or the signal's reason */
  async connect(remote: Endpoint, terms: Omit<OpenStreamOptions, 'remote'>, signal: AbortSignal): Promise<RelayedStream> {
    const { socket, allocation, platform } = this;
    const send = await allocation.bindChannel(remote, signal);
    const hop = await openLoopbackHop(platform.net, { client: socket.local, send });
    if (this.closing) {
      await hop.close();
      throw new StrategyError('PATH_SUPERSEDED', 'The allocation was given back.');
    }
    this.hops.set(formatEndpoint(remote), hop);
    const stream = socket.open({ remote: hop.endpoint, ...terms });
    // Whoever reads it finds out that it broke.
    stream.on('error', () => {});
    return { stream, local: allocation.relayed, remote, carrier: 'udx' };
  }

  /** Ends the streams and gives the allocation back. Never rejects. Idempotent. */
  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  private async end(): Promise<void> {
    await this.socket.close();
    await Promise.all([...this.hops.values()].map((hop) => hop.close()));
    await this.allocation.close();
  }
}
