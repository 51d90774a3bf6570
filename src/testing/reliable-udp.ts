import type { BindUdpOptions, DatagramSocket, Endpoint, Net } from '../core/net.js';
import type { OpenStreamOptions, ReliableStream, ReliableUdp, ReliableUdpSocket } from '../core/reliable-udp.js';
import { systemError } from './system-error.js';
import { TcpEndpoint } from './tcp-endpoint.js';
import type { Segment } from './tcp-segment.js';
import { TcpStream } from './tcp-stream.js';
import type { VirtualClock } from './virtual-clock.js';

/** Milliseconds, as {@link OpenStreamOptions} has them. */
const defaults = { heartbeatMs: 1000, silenceMs: 4000, openMs: 10_000 };

/** Makes streams of datagrams: the segments of TCP, one in a datagram, between two ends that both open. */
export class SimulatedReliableUdp implements ReliableUdp {
  constructor(
    private readonly net: Pick<Net, 'bindUdp'>,
    private readonly clock: VirtualClock,
  ) {}

  async bind({ local, onMessage }: BindUdpOptions): Promise<ReliableUdpSocket> {
    const streams = new Map<number, ReliableTcpStream>();
    const socket = await this.net.bindUdp({
      local,
      onMessage: (data, remote) => {
        const datagram = decode(data);
        if (datagram) streams.get(datagram.id)?.receive(datagram.segment, remote);
        else onMessage(data, remote);
      },
    });
    return {
      local: socket.local,
      send: (data, remote) => socket.send(data, remote),
      setTtl: (ttl) => socket.setTtl(ttl),
      close: async () => {
        for (const stream of [...streams.values()]) stream.destroy();
        await socket.close();
      },
      open: (options) => {
        if (streams.has(options.localId)) throw systemError('EADDRINUSE', 'open', String(options.localId));
        const stream = new ReliableTcpStream(this.clock, socket, options, () => streams.delete(options.localId));
        streams.set(options.localId, stream);
        return stream;
      },
    };
  }
}

class ReliableTcpStream extends TcpStream implements ReliableStream {
  private to: Endpoint;
  private readonly follows: boolean;
  private closing: (() => void) | undefined;

  constructor(clock: VirtualClock, socket: DatagramSocket, options: OpenStreamOptions, gone: () => void) {
    const { remote, remoteId, key, heartbeatMs, silenceMs, openMs } = { ...defaults, ...options };
    const opening = clock.schedule(openMs, () => endpoint.fail(systemError('ETIMEDOUT', 'open', '')));
    const endpoint: TcpEndpoint = new TcpEndpoint(clock, 0, {
      transmit: (segment) => socket.send(encode(remoteId, segment), this.to),
      onOpen: () => opening.cancel(),
      onReadable: () => this.pull(),
      onWritable: () => {
        this.drained();
        this.acknowledged();
      },
      onError: (error) => this.destroy(error),
      onGone: () => {
        opening.cancel();
        this.acknowledged(true);
        gone();
      },
    });
    super(endpoint);
    this.to = remote;
    this.follows = key !== undefined;
    endpoint.tune({ keepAliveMs: heartbeatMs, userTimeoutMs: silenceMs });
    endpoint.connect();
  }

  get remote(): Endpoint {
    return this.to;
  }

  get rttMs(): number | undefined {
    return this.endpoint.info.rttMs || undefined;
  }

  changeRemote(remote: Endpoint): void {
    this.to = remote;
  }

  /** What was ended in order closes when all has arrived: its owner closes the socket then. */
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.closing = () => super._destroy(error, done);
    this.acknowledged(error !== null || !this.writableFinished);
  }

  private acknowledged(always = false): void {
    if (!always && this.endpoint.backlog > 0) return;
    const { closing } = this;
    this.closing = undefined;
    closing?.();
  }

  receive(segment: Segment, from: Endpoint): void {
    if (this.follows) this.to = from;
    this.endpoint.receive(segment);
  }
}

/** First bytes of every datagram of a stream, which no STUN message and no check begins with. */
const magic = 0xf5_52_55_44;
const headerLength = 29;
const bits = { syn: 1, ack: 2, fin: 4, rst: 8 } as const;

function encode(id: number, { header, payload }: Segment): Buffer {
  const datagram = Buffer.alloc(headerLength + payload.length);
  datagram.writeUInt32BE(magic, 0);
  datagram.writeUInt32BE(id, 4);
  const names = Object.keys(bits) as (keyof typeof bits)[];
  datagram.writeUInt8(
    names.reduce((sum, name) => sum | (header.flags[name] ? bits[name] : 0), 0),
    8,
  );
  datagram.writeUIntBE(header.seq, 9, 6);
  datagram.writeUIntBE(header.ack, 15, 6);
  datagram.writeUInt32BE(header.window, 21);
  datagram.set(payload, headerLength);
  return datagram;
}

function decode(datagram: Buffer): { readonly id: number; readonly segment: Segment } | undefined {
  if (datagram.length < headerLength || datagram.readUInt32BE(0) !== magic) return undefined;
  const flag = (bit: number) => (datagram.readUInt8(8) & bit) !== 0;
  const flags = { syn: flag(bits.syn), ack: flag(bits.ack), fin: flag(bits.fin), rst: flag(bits.rst) };
  const header = {
    seq: datagram.readUIntBE(9, 6),
    ack: datagram.readUIntBE(15, 6),
    flags,
    window: datagram.readUInt32BE(21),
  };
  return { id: datagram.readUInt32BE(4), segment: { header, payload: datagram.subarray(headerLength) } };
}
