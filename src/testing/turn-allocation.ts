import type { ByteStream, DatagramSocket, Endpoint, Listener, Net } from '../core/net.js';

/** What a relayed address tells of. */
export interface AllocationEvents {
  onStream(stream: ByteStream, peer: Endpoint): void;
  onDatagram(data: Buffer, peer: Endpoint): void;
}

/** A relayed address, for TCP (RFC 6062) or UDP (RFC 8656), and who may come there. It lives until it is closed. */
export class TurnAllocation {
  private readonly permitted = new Set<string>();
  private readonly channels = new Map<number, Endpoint>();

  private constructor(
    readonly relayed: Endpoint,
    private readonly bound: Listener | DatagramSocket,
  ) {}

  static async open(
    { net, address }: { readonly net: Net; readonly address: string },
    protocol: 'tcp' | 'udp',
    { onStream, onDatagram }: AllocationEvents,
  ): Promise<TurnAllocation> {
    const local = { address, port: 0 };
    let admits: (peer: Endpoint) => boolean = () => false;
    const bound =
      protocol === 'udp'
        ? await net.bindUdp({ local, onMessage: (data, peer) => void (admits(peer) && onDatagram(data, peer)) })
        : await net.listenTcp({
            local,
            onStream: (stream) => {
              const peer = { address: stream.remoteAddress ?? '', port: stream.remotePort ?? 0 };
              if (admits(peer)) onStream(stream, peer);
              else stream.destroy();
            },
          });
    const allocation = new TurnAllocation(bound.local ?? local, bound);
    admits = (peer) => allocation.permitted.has(peer.address);
    return allocation;
  }

  permit({ address }: Endpoint): void {
    this.permitted.add(address);
  }

  /** A channel permits too (RFC 8656 §12). */
  bindChannel(channel: number, peer: Endpoint): void {
    this.permit(peer);
    this.channels.set(channel, peer);
  }

  peerOf(channel: number): Endpoint | undefined {
    return this.channels.get(channel);
  }

  channelOf({ address, port }: Endpoint): number | undefined {
    for (const [channel, peer] of this.channels) if (peer.address === address && peer.port === port) return channel;
    return undefined;
  }

  /** One datagram to a permitted peer. */
  send(data: Uint8Array, peer: Endpoint): void {
    if ('send' in this.bound && this.permitted.has(peer.address)) this.bound.send(data, peer);
  }

  close(): Promise<void> {
    return this.bound.close();
  }
}
