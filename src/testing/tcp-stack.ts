import { setMaxListeners } from 'node:events';
import { isIP } from 'node:net';
import type { ByteStream, ConnectTcpOptions, Endpoint, Listener, ListenTcpOptions } from '../core/net.js';
import type { HostLinks } from './host-links.js';
import { defaultTtl, endpointKey, resetFor, type TcpPacket } from './packet.js';
import { pickPort } from './port-range.js';
import { systemError } from './system-error.js';
import { TcpEndpoint } from './tcp-endpoint.js';
import type { Segment } from './tcp-segment.js';
import { TcpStream } from './tcp-stream.js';
import { collide, hears, isWildcard } from './udp-stack.js';

interface Bound {
  readonly local: Endpoint;
  readonly sharePort: boolean;
}

interface Listening extends Bound {
  readonly onStream: (stream: ByteStream) => void;
}

interface Connection extends Bound {
  readonly remote: Endpoint;
  readonly endpoint: TcpEndpoint;
}

/** The TCP sockets of one host. */
export class TcpStack {
  /** Connections that could not be made, by the system's name for the reason. */
  readonly failed = new Map<string, number>();
  private readonly listeners = new Set<Listening>();
  /** By both endpoints. */
  private readonly connections = new Map<string, Connection>();
  /** Both sides of what is not over yet. */
  private readonly portsInUse = new Map<number, number>();

  constructor(private readonly host: HostLinks) {}

  /** Listeners and connections. */
  get open(): number {
    return this.listeners.size + [...this.connections.values()].filter(({ endpoint }) => !endpoint.isWaiting).length;
  }

  listen({ local, sharePort = false, onStream }: ListenTcpOptions): Listener {
    if (isIP(local.address) === 0) throw systemError('EINVAL', 'bind', local.address);
    if (!this.host.mayBind(local.address)) throw systemError('EADDRNOTAVAIL', 'bind', local.address);
    const port = local.port || pickPort(this.host.random, (candidate) => this.isFree({ ...local, port: candidate }, false));
    const listening: Listening = { local: { address: local.address, port }, sharePort, onStream };
    if (!this.isFree(listening.local, sharePort)) throw systemError('EADDRINUSE', 'bind', endpointKey(listening.local));
    this.listeners.add(listening);
    return {
      local: listening.local,
      close: async () => {
        this.listeners.delete(listening);
      },
    };
  }

  connect(options: ConnectTcpOptions): Promise<ByteStream> {
    return this.connecting(options).catch((error: unknown) => {
      const { code } = error as { code?: unknown };
      if (typeof code === 'string') this.failed.set(code, (this.failed.get(code) ?? 0) + 1);
      throw error;
    });
  }

  receive(packet: TcpPacket): void {
    const segment: Segment = { header: packet.tcp, payload: packet.payload };
    const { source, destination } = packet;
    const connection = this.connections.get(connectionKey(destination, source));
    if (connection && !(connection.endpoint.isWaiting && packet.tcp.flags.syn)) {
      connection.endpoint.receive(segment);
      return;
    }
    const { syn, ack } = packet.tcp.flags;
    const listening = [...this.listeners]
      .filter(({ local }) => local.port === destination.port && hears(local.address, destination.address))
      .sort((one, other) => Number(isWildcard(one.local.address)) - Number(isWildcard(other.local.address)))[0];
    if (listening && syn && !ack) this.accept(listening, packet, segment);
    else {
      const reset = resetFor(packet);
      if (reset) this.host.send(reset);
    }
  }

  /** Breaks every connection, as a host does that loses its addresses. */
  breakAll(code: string): void {
    for (const { endpoint } of [...this.connections.values()]) endpoint.fail(systemError(code, 'read', ''));
  }

  private connecting({ remote, local = {}, sharePort = false, ttl, timeoutMs, signal }: ConnectTcpOptions): Promise<ByteStream> {
    const { host } = this;
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      // One signal may call off thousands of connects.
      if (signal) setMaxListeners(0, signal);
      if (isIP(remote.address) === 0) throw systemError('EINVAL', 'connect', remote.address);
      const address = host.sourceFor(remote.address, local.address);
      if (address === undefined) throw systemError(local.address ? 'EADDRNOTAVAIL' : 'ENETUNREACH', 'connect', remote.address);
      const port = local.port || pickPort(host.random, (candidate) => !this.portsInUse.has(candidate));
      const own = { address, port };
      const to = { address: remote.address, port: remote.port };
      if (local.port && !this.mayConnectFrom(own, sharePort)) throw systemError('EADDRINUSE', 'bind', endpointKey(own));
      const existing = this.connections.get(connectionKey(own, remote));
      if (existing && !existing.endpoint.isWaiting) throw systemError('EADDRNOTAVAIL', 'connect', endpointKey(remote));

      let stream: TcpStream | undefined;
      const settle = (act: () => void) => {
        timer.cancel();
        signal?.removeEventListener('abort', onAbort);
        act();
      };
      const endpoint = this.add(
        { local: own, remote, sharePort, ttl: ttl ?? defaultTtl },
        {
          onOpen: () => {
            stream = new TcpStream(endpoint, { local: own, remote: to });
            settle(() => resolve(stream as TcpStream));
          },
          onError: (error) => (stream ? stream.destroy(error) : settle(() => reject(error))),
          stream: () => stream,
        },
      );
      const giveUp = (reason: Error) => {
        settle(() => reject(reason));
        endpoint.release();
      };
      const onAbort = () => giveUp(signal?.reason as Error);
      const timer = host.clock.schedule(timeoutMs, () => giveUp(systemError('ETIMEDOUT', 'connect', endpointKey(remote))));
      signal?.addEventListener('abort', onAbort, { once: true });
      endpoint.connect();
    });
  }

  private accept({ onStream, sharePort }: Listening, { source, destination }: TcpPacket, segment: Segment): void {
    let stream: TcpStream | undefined;
    const endpoint = this.add(
      { local: destination, remote: source, sharePort, ttl: defaultTtl },
      {
        onOpen: () => {
          stream = new TcpStream(endpoint, { local: destination, remote: source });
          onStream(stream);
        },
        onError: (error) => stream?.destroy(error),
        stream: () => stream,
      },
    );
    endpoint.accept(segment);
  }

  private add(
    { local, remote, sharePort, ttl }: Bound & { readonly remote: Endpoint; readonly ttl: number },
    events: { onOpen(): void; onError(error: Error): void; stream(): TcpStream | undefined },
  ): TcpEndpoint {
    const { host } = this;
    const key = connectionKey(local, remote);
    const endpoint: TcpEndpoint = new TcpEndpoint(host.clock, host.random.integer(1, 2 ** 32 - 1), {
      transmit: ({ header, payload }) =>
        host.send({ protocol: 'tcp', source: local, destination: remote, ttl, tcp: header, payload }),
      onOpen: events.onOpen,
      onReadable: () => events.stream()?.pull(),
      onWritable: () => events.stream()?.drained(),
      onError: events.onError,
      onGone: () => {
        if (this.connections.get(key)?.endpoint === endpoint) this.connections.delete(key);
        const users = (this.portsInUse.get(local.port) ?? 1) - 1;
        if (users > 0) this.portsInUse.set(local.port, users);
        else this.portsInUse.delete(local.port);
      },
    });
    this.connections.set(key, { local, remote, sharePort, endpoint });
    this.portsInUse.set(local.port, (this.portsInUse.get(local.port) ?? 0) + 1);
    return endpoint;
  }

  /** May one listen there? Only where all share the port (SO_REUSEPORT). */
  private isFree(local: Endpoint, sharePort: boolean): boolean {
    for (const other of this.listeners) if (collide(other.local, local) && !(sharePort && other.sharePort)) return false;
    if (!this.portsInUse.has(local.port) || sharePort) return true;
    return ![...this.connections.values()].some((other) => collide(other.local, local));
  }

  /** Connections may share a local port, but with a listener only where both agree. */
  private mayConnectFrom(own: Endpoint, sharePort: boolean): boolean {
    for (const other of this.listeners) if (collide(other.local, own) && !(sharePort && other.sharePort)) return false;
    return true;
  }
}

function connectionKey(local: Endpoint, remote: Endpoint): string {
  return `${endpointKey(local)} ${endpointKey(remote)}`;
}
