import type Udx from 'udx-native';
import type { Clock } from '../../core/clock.js';
import type { BindUdpOptions, Endpoint } from '../../core/net.js';
import type { Random } from '../../core/random.js';
import type { OpenStreamOptions, ReliableStream, ReliableUdpSocket } from '../../core/reliable-udp.js';
import { beatStreamId } from './beat.js';
import { UdxStream } from './stream.js';

/** What the system keeps of either direction while we are busy, in bytes. */
const systemBufferBytes = 2 * 1024 * 1024;

interface Services {
  readonly clock: Clock;
  readonly random: Random;
}

/** @param udx one of its own: stream ids need to differ within it alone */
export async function bindUdxSocket(udx: Udx, options: BindUdpOptions, services: Services): Promise<ReliableUdpSocket> {
  return new UdxSocket(udx, options, services);
}

class UdxSocket implements ReliableUdpSocket {
  private readonly streams = new Map<number, UdxStream>();
  private socket: Udx.Socket;
  private closed: Promise<void> | undefined;
  private ttl: number | undefined;

  constructor(
    private readonly udx: Udx,
    private readonly options: BindUdpOptions,
    private readonly services: Services,
  ) {
    this.socket = this.bind(options.local);
  }

  get local(): Endpoint {
    const { host, port } = this.socket.address() ?? { host: this.options.local.address, port: this.options.local.port };
    return { address: host, port };
  }

  send(data: Uint8Array, { address, port }: Endpoint): void {
    if (this.closed) return;
    try {
      this.socket.trySend(data, port, address);
    } catch {
      // An address that this socket cannot reach: the datagram is lost, like any other.
    }
  }

  setTtl(ttl: number): void {
    this.ttl = ttl;
    if (!this.closed) this.socket.setTTL(ttl);
  }

  open(options: OpenStreamOptions): ReliableStream {
    if (this.closed) throw Object.assign(new Error('open EBADF: the socket is closed'), { code: 'EBADF' });
    const { localId } = options;
    if (this.streams.has(localId)) throw Object.assign(new Error('open EEXIST: the stream id is in use'), { code: 'EEXIST' });
    const stream = new UdxStream(options, {
      ...this.services,
      udx: this.udx,
      socket: () => this.socket,
      send: (data, remote) => this.send(data, remote),
    });
    this.streams.set(localId, stream);
    stream.once('close', () => this.streams.delete(localId));
    return stream;
  }

  async rebind(local: Endpoint): Promise<void> {
    if (this.closed) throw Object.assign(new Error('rebind EBADF: the socket is closed'), { code: 'EBADF' });
    const previous = this.socket;
    this.socket = this.bind(local);
    for (const stream of this.streams.values()) stream.moveSocket();
    // Its descriptor goes when the other end has acknowledged what was sent through it; nobody has to wait for that.
    previous.close().catch(() => {});
  }

  close(): Promise<void> {
    this.closed ??= this.end();
    return this.closed;
  }

  private async end(): Promise<void> {
    const streams = [...this.streams.values()];
    await Promise.all(
      streams.map((stream) => {
        const closed = new Promise<void>((resolve) => stream.once('close', resolve));
        stream.abandon();
        return closed;
      }),
    );
    await this.socket.close();
  }

  private bind({ address, port }: Endpoint): Udx.Socket {
    const socket = this.udx.createSocket({ ipv6Only: address.includes(':') });
    socket.bind(port, address);
    socket.setRecvBufferSize(systemBufferBytes);
    socket.setSendBufferSize(systemBufferBytes);
    if (this.ttl !== undefined) socket.setTTL(this.ttl);
    socket.on('message', (data, { host, port }) => this.receive(data, { address: host, port }));
    return socket;
  }

  private receive(data: Buffer, from: Endpoint): void {
    if (this.closed && this.streams.size === 0) return;
    const streamId = beatStreamId(data);
    if (streamId === undefined) this.options.onMessage(data, from);
    else this.streams.get(streamId)?.receiveBeat(data, from);
  }
}
