import { isIP } from 'node:net';
import type {
  BindUdpOptions,
  ByteStream,
  ConnectTcpOptions,
  DefaultRoute,
  InterfaceAddress,
  ListenTcpOptions,
  ListenUnixOptions,
  Net,
  PeerCredentials,
  TcpInfo,
  TcpTuning,
} from '../core/net.js';
import type { Host } from './host.js';
import { systemError } from './system-error.js';
import { TcpStream } from './tcp-stream.js';

/** The sockets of one program on a host, behind the port that agents use. */
export class HostNet implements Net {
  readonly capabilities = { sharedPort: true, peerCredentials: true, tcpTuning: true };
  /** Who the other end of a unix socket sees. */
  readonly process: PeerCredentials;

  constructor(
    private readonly host: Host,
    pid: number,
  ) {
    this.process = { pid, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  }

  connectTcp(options: ConnectTcpOptions): Promise<ByteStream> {
    return this.host.tcp.connect(options);
  }

  async listenTcp(options: ListenTcpOptions) {
    return this.host.tcp.listen(options);
  }

  async bindUdp(options: BindUdpOptions) {
    return this.host.udp.bind(options);
  }

  async connectUnix(path: string, { signal }: { readonly signal?: AbortSignal }): Promise<ByteStream> {
    signal?.throwIfAborted();
    return this.host.unix.connect(path, this.process);
  }

  async listenUnix(options: ListenUnixOptions) {
    return this.host.unix.listen(options, this.process);
  }

  tune(stream: ByteStream, tuning: TcpTuning): readonly (keyof TcpTuning)[] {
    if (!(stream instanceof TcpStream)) return [];
    const { userTimeoutMs, keepAliveMs } = tuning;
    const known: TcpTuning = { ...(userTimeoutMs ? { userTimeoutMs } : {}), ...(keepAliveMs ? { keepAliveMs } : {}) };
    stream.endpoint.tune(known);
    return Object.keys(known) as (keyof TcpTuning)[];
  }

  tcpInfo(stream: ByteStream): TcpInfo | undefined {
    return stream instanceof TcpStream && stream.remoteAddress !== undefined ? stream.endpoint.info : undefined;
  }

  peerCredentials(stream: ByteStream): PeerCredentials | undefined {
    return this.host.unix.peerOf(stream);
  }

  interfaces(): readonly InterfaceAddress[] {
    return this.host.interfaces;
  }

  async defaultRoute(family: 4 | 6): Promise<DefaultRoute | undefined> {
    const { ipv4, ipv6 } = this.host.router.subnet.router;
    return { address: family === 4 ? ipv4 : ipv6, interface: 'eth0', metric: 0 };
  }

  /** There are no names on the simulated network. */
  async resolve(name: string, { signal }: { readonly signal?: AbortSignal } = {}): Promise<readonly string[]> {
    signal?.throwIfAborted();
    if (isIP(name) !== 0) return [name];
    throw systemError('ENOTFOUND', 'getaddrinfo', name);
  }
}
