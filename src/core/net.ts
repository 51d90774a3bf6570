import type { Duplex } from 'node:stream';

/** A transport address: an IP literal (never a name) and a port, 0 to 65535. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** An established TCP or unix stream. `net.Socket` fits it as it stands. */
export interface ByteStream extends Duplex {
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  /** Bytes received and sent so far. */
  readonly bytesRead?: number;
  readonly bytesWritten?: number;
  /** Ends a TCP connection with a single RST, where `destroy` would say farewell and wait for an answer. */
  resetAndDestroy?(): unknown;
}

export interface ConnectTcpOptions {
  readonly remote: Endpoint;
  /** Source to bind first. Without `port` the system picks one. */
  readonly local?: { readonly address?: string; readonly port?: number };
  /** Let other sockets of this process listen on and connect from the same local port (SO_REUSEPORT). @default false */
  readonly sharePort?: boolean;
  /** IP_TTL / IPV6_UNICAST_HOPS of the connection, 1 to 255. @default the system's */
  readonly ttl?: number;
  /** Milliseconds until the attempt is given up with ETIMEDOUT. */
  readonly timeoutMs: number;
  /** Aborting destroys the socket and rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface ConnectUnixOptions {
  /** As in {@link ConnectTcpOptions}. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /**
   * The chunks of `data` are good until the listeners return, and come whether or not the stream is paused: for streams with so much on them
   * that a buffer for each chunk would be noticed. A Net may give chunks that last all the same. @default false
   */
  readonly transientChunks?: boolean;
}

export interface ListenTcpOptions {
  /** Address and port to listen on; port 0 lets the system pick. */
  readonly local: Endpoint;
  /** As in {@link ConnectTcpOptions.sharePort}. @default false */
  readonly sharePort?: boolean;
  /** Called for each accepted stream, which the callee owns from then on. */
  readonly onStream: (stream: ByteStream) => void;
  /** Called when accepting fails for good; the listener is closed by then. */
  readonly onError?: (error: Error) => void;
}

export interface ListenUnixOptions {
  readonly path: string;
  /** File mode of the socket, set before anyone can connect. @default 0o600 */
  readonly mode?: number;
  /** Owner to give the socket to; needs CAP_CHOWN unless it is our own uid. */
  readonly uid?: number;
  readonly onStream: (stream: ByteStream) => void;
}

export interface BindUdpOptions {
  /** Address and port to bind; `0.0.0.0` or `::` for all addresses of a family, port 0 lets the system pick. */
  readonly local: Endpoint;
  /** Called for each datagram. The buffer is the callee's to keep. */
  readonly onMessage: (data: Buffer, remote: Endpoint) => void;
}

export interface JoinMulticastOptions {
  /** IPv4 group, and the port that others on this machine may have joined it at, too. */
  readonly group: Endpoint;
  /** This machine's address on the one network that is sent to. What is heard may come from others of its networks. */
  readonly from: string;
  /** As in {@link BindUdpOptions}; what this machine sends to the group is heard, too. */
  readonly onMessage: (data: Buffer, remote: Endpoint) => void;
}

export interface DatagramSocket {
  /** What it is bound to, the port included. */
  readonly local: Endpoint;
  /** Sends one datagram, to an address of the socket's family. What the system refuses is lost, like any other datagram. */
  send(data: Uint8Array, remote: Endpoint): void;
  /** IP_TTL / IPV6_UNICAST_HOPS of what is sent from now on, 1 to 255. */
  setTtl(ttl: number): void;
  /** No message comes after it has resolved. Idempotent. */
  close(): Promise<void>;
}

export interface Listener {
  /** Where it listens; undefined for unix sockets. */
  readonly local: Endpoint | undefined;
  /** Stops accepting and releases the port or the file. Accepted streams live on. Idempotent. */
  close(): Promise<void>;
}

/** What a path needs of its TCP connection. Settings the platform lacks are skipped and named in the reply. */
export interface TcpTuning {
  /** Give up on unacknowledged data, and on an idle line with keepalive, after this many milliseconds (TCP_USER_TIMEOUT). */
  readonly userTimeoutMs?: number;
  /**
   * Longest pause between two retransmissions, in milliseconds, 1000 to 120000 (TCP_RTO_MAX_MS, Linux 6.15). Unless `userTimeoutMs` is
   * set, too, fifteen of them end the connection.
   */
  readonly maxRetransmitMs?: number;
  /** Probe an idle line this often, in milliseconds, whole seconds (SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL). */
  readonly keepAliveMs?: number;
  /** Congestion control to ask for, such as `bbr` (TCP_CONGESTION). */
  readonly congestion?: string;
}

export interface TcpInfo {
  /** Smoothed round-trip time in milliseconds (tcpi_rtt). */
  readonly rttMs: number;
  /** Congestion control in use. */
  readonly congestion: string;
  /** Segments out and in, with and without payload (tcpi_segs_out, tcpi_segs_in). */
  readonly segmentsOut: number;
  readonly segmentsIn: number;
  /** Payload bytes acknowledged and received (tcpi_bytes_acked, tcpi_bytes_received). */
  readonly bytesOut: number;
  readonly bytesIn: number;
  /** Segments sent again (tcpi_total_retrans). */
  readonly retransmits: number;
}

export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

export interface InterfaceAddress {
  readonly name: string;
  readonly address: string;
  readonly family: 4 | 6;
  readonly prefixLength: number;
  readonly internal: boolean;
}

/** A default route: the next hop and the interface it is on. */
export interface DefaultRoute {
  readonly address: string;
  readonly interface: string;
  /** Of several, the least wins. */
  readonly metric: number;
}

/** What this platform can do beyond plain sockets. */
export interface NetCapabilities {
  /** Listening and connecting on one local port. */
  readonly sharedPort: boolean;
  /** {@link Net.peerCredentials} answers. */
  readonly peerCredentials: boolean;
  /** {@link Net.tcpInfo} answers and {@link TcpTuning} is honoured. */
  readonly tcpTuning: boolean;
  /** Why the above are missing, for the operator; undefined when nothing is. */
  readonly missing?: string;
}

/**
 * Everything the agent does to a network, behind one port: the system's sockets in production, the simulated network in tests.
 * Failures reject with an Error whose `code` is the system's name for it (ECONNREFUSED, EADDRNOTAVAIL, ...).
 */
export interface Net {
  readonly capabilities: NetCapabilities;
  connectTcp(options: ConnectTcpOptions): Promise<ByteStream>;
  listenTcp(options: ListenTcpOptions): Promise<Listener>;
  bindUdp(options: BindUdpOptions): Promise<DatagramSocket>;
  /** Joins a multicast group on one network. Absent where nothing is ever multicast. */
  joinMulticast?(options: JoinMulticastOptions): Promise<DatagramSocket>;
  connectUnix(path: string, options: ConnectUnixOptions): Promise<ByteStream>;
  listenUnix(options: ListenUnixOptions): Promise<Listener>;
  /** Applies what it can and returns the names of the settings that took effect. */
  tune(stream: ByteStream, tuning: TcpTuning): readonly (keyof TcpTuning)[];
  tcpInfo(stream: ByteStream): TcpInfo | undefined;
  /** Who is at the other end of a unix stream (SO_PEERCRED); undefined where the platform cannot tell. */
  peerCredentials(stream: ByteStream): PeerCredentials | undefined;
  interfaces(): readonly InterfaceAddress[];
  /** The next hop towards the internet. Absent where the kernel's routing tables are to be read. */
  defaultRoute?(family: 4 | 6): Promise<DefaultRoute | undefined>;
  /** Addresses of a host name; an IP literal is returned as it is. */
  resolve(host: string, options: { readonly signal?: AbortSignal }): Promise<readonly string[]>;
}
