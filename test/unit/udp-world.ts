import { Duplex } from 'node:stream';
import type { BindUdpOptions, Endpoint, Net } from '../../src/core/net.js';
import type { ReliableStream, ReliableUdp, ReliableUdpSocket } from '../../src/core/reliable-udp.js';
import { decodeBindingRequest, encodeBindingResponse } from '../../src/discovery/stun/responder-codec.js';
import { SeededRandom } from '../../src/testing/seeded-random.js';
import type { FakeClock } from './fake-clock.js';

/** What a host is behind, in the terms of RFC 4787 §4.1 and §5. */
export interface FakeNat {
  readonly mapping: 'none' | 'independent' | 'sequential' | 'random';
  /** @default 'port': address- and port-dependent */
  readonly filtering?: 'independent' | 'port';
  readonly blocksUdp?: boolean;
}

export interface Datagram {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly data: Buffer;
}

interface Mapping {
  readonly socket: FakeSocket;
  readonly permitted: Set<string>;
}

const key = ({ address, port }: Endpoint) => `${address}:${port}`;

/** UDP between a few hosts, each behind a NAT of its own, and two STUN servers; all in memory, at the pace of a fake clock. */
export class UdpWorld {
  /** As they travel between the NATs. */
  readonly datagrams: Datagram[] = [];
  readonly stunServers = ['20.0.9.2:3478', '20.0.9.3:3478'];
  readonly streams = new Map<number, FakeStream>();
  readonly random = new SeededRandom('udp-world');
  private readonly hosts = new Map<string, UdpHost>();

  constructor(
    readonly clock: FakeClock,
    readonly latencyMs = 10,
  ) {}

  host(publicAddress: string, nat: FakeNat): UdpHost {
    const host = new UdpHost(this, publicAddress, nat);
    this.hosts.set(publicAddress, host);
    return host;
  }

  /** Puts a datagram on the public network. */
  send(datagram: Datagram): void {
    this.datagrams.push(datagram);
    this.clock.setTimer(this.latencyMs, () => {
      const request = this.stunServers.includes(key(datagram.to)) ? decodeBindingRequest(datagram.data) : undefined;
      if (request) {
        const data = Buffer.from(encodeBindingResponse(request.transactionId, { mapped: datagram.from }));
        this.send({ from: datagram.to, to: datagram.from, data });
      }
      this.hosts.get(datagram.to.address)?.receive(datagram);
    });
  }
}

export class UdpHost implements ReliableUdp {
  readonly sockets = new Set<FakeSocket>();
  bound = 0;
  /** By external port. */
  private readonly byPort = new Map<number, Mapping>();
  private readonly portsOut = new Map<string, number>();
  private nextPort = 30_000;

  constructor(
    readonly world: UdpWorld,
    readonly publicAddress: string,
    private readonly nat: FakeNat,
  ) {}

  /** As much of a Net as UDP needs. */
  get net(): Net {
    const address = this.nat.mapping === 'none' ? this.publicAddress : '192.168.1.2';
    const interfaces = () => [{ name: 'eth0', address, family: 4 as const, prefixLength: 24, internal: false }];
    return { interfaces, resolve: async (host: string) => [host] } as unknown as Net;
  }

  async bind({ local, onMessage }: BindUdpOptions): Promise<ReliableUdpSocket> {
    if (local.address.includes(':')) throw Object.assign(new Error('no IPv6 here'), { code: 'EAFNOSUPPORT' });
    const socket = new FakeSocket(this, { address: local.address, port: 40_000 + this.bound++ }, onMessage);
    this.sockets.add(socket);
    return socket;
  }

  transmit(socket: FakeSocket, data: Buffer, to: Endpoint): void {
    if (this.nat.blocksUdp) return;
    const port = this.portFor(socket, to);
    this.byPort.get(port)?.permitted.add(key(to));
    this.world.send({ from: { address: this.publicAddress, port }, to, data });
  }

  receive({ from, to, data }: Datagram): void {
    const mapping = this.byPort.get(to.port);
    if (!mapping || this.nat.blocksUdp || !this.sockets.has(mapping.socket)) return;
    if (this.nat.filtering !== 'independent' && !mapping.permitted.has(key(from))) return;
    mapping.socket.onMessage(Buffer.from(data), from);
  }

  private portFor(socket: FakeSocket, to: Endpoint): number {
    const dependent = this.nat.mapping === 'sequential' || this.nat.mapping === 'random';
    const id = dependent ? `${socket.local.port} ${key(to)}` : `${socket.local.port}`;
    const port = this.portsOut.get(id) ?? this.freePort(socket);
    this.portsOut.set(id, port);
    if (!this.byPort.has(port)) this.byPort.set(port, { socket, permitted: new Set() });
    return port;
  }

  private freePort({ local }: FakeSocket): number {
    if (this.nat.mapping === 'sequential') return this.nextPort++;
    if (this.nat.mapping !== 'random') return local.port;
    for (;;) {
      const port = this.world.random.integer(1024, 65_535);
      if (!this.byPort.has(port)) return port;
    }
  }
}

class FakeSocket implements ReliableUdpSocket {
  private readonly streams: FakeStream[] = [];

  constructor(
    private readonly host: UdpHost,
    readonly local: Endpoint,
    readonly onMessage: BindUdpOptions['onMessage'],
  ) {}

  send(data: Uint8Array, remote: Endpoint): void {
    if (this.host.sockets.has(this)) this.host.transmit(this, Buffer.from(data), remote);
  }

  setTtl(): void {}

  open({ remote, localId, remoteId }: { remote: Endpoint; localId: number; remoteId: number }): ReliableStream {
    const stream = new FakeStream(this.host.world, remote, localId, remoteId);
    this.streams.push(stream);
    return stream;
  }

  async close(): Promise<void> {
    this.host.sockets.delete(this);
    for (const stream of this.streams) stream.destroy();
  }
}

/** Reliable by decree: bytes go straight to the stream with the other id. */
class FakeStream extends Duplex implements ReliableStream {
  readonly rttMs = undefined;

  constructor(
    private readonly world: UdpWorld,
    readonly remote: Endpoint,
    private readonly localId: number,
    private readonly remoteId: number,
  ) {
    super();
    world.streams.set(localId, this);
  }

  changeRemote(): void {}

  override _read(): void {}

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.deliver(chunk);
    done();
  }

  override _final(done: () => void): void {
    this.deliver(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.world.streams.delete(this.localId);
    done(error);
  }

  /** What comes before the other end has opened is sent again until it has. */
  private deliver(chunk: Buffer | null): void {
    this.world.clock.setTimer(this.world.latencyMs, () => {
      const other = this.world.streams.get(this.remoteId);
      if (other) other.push(chunk);
      else if (!this.destroyed) this.deliver(chunk);
    });
  }
}
