import type { ByteStream, Listener, ListenUnixOptions, PeerCredentials } from '../core/net.js';
import type { HostLinks } from './host-links.js';
import { systemError } from './system-error.js';
import { TcpEndpoint } from './tcp-endpoint.js';
import { TcpStream } from './tcp-stream.js';

/** Who opens a socket: every program of a host has a process of its own. */
export type Credentials = PeerCredentials;

/** The unix sockets of one host, by path. */
export class UnixSockets {
  private readonly listeners = new Map<
    string,
    { readonly onStream: (stream: ByteStream) => void; readonly owner: Credentials }
  >();
  private readonly credentials = new WeakMap<object, Credentials>();

  constructor(private readonly host: HostLinks) {}

  /** Paths that somebody listens at. */
  get paths(): readonly string[] {
    return [...this.listeners.keys()];
  }

  listen({ path, onStream }: ListenUnixOptions, owner: Credentials): Listener {
    if (this.listeners.has(path)) throw systemError('EADDRINUSE', 'bind', path);
    const entry = { onStream, owner };
    this.listeners.set(path, entry);
    return {
      local: undefined,
      close: async () => {
        if (this.listeners.get(path) === entry) this.listeners.delete(path);
      },
    };
  }

  connect(path: string, caller: Credentials): ByteStream {
    const listening = this.listeners.get(path);
    if (!listening) throw systemError('ENOENT', 'connect', path);
    const [own, theirs] = this.pair();
    this.credentials.set(own, listening.owner);
    this.credentials.set(theirs, caller);
    this.host.clock.schedule(0, () => listening.onStream(theirs));
    return own;
  }

  /** Who is at the other end. */
  peerOf(stream: ByteStream): Credentials | undefined {
    return this.credentials.get(stream);
  }

  /** Two ends that are connected already: the endpoints of TCP, on a line that loses nothing and takes no time. */
  private pair(): readonly [TcpStream, TcpStream] {
    const { clock } = this.host;
    const make = (other: () => TcpEndpoint, stream: () => TcpStream): TcpEndpoint =>
      new TcpEndpoint(clock, 0, {
        transmit: (segment) => void clock.schedule(0, () => other().receive(segment)),
        onOpen: () => {},
        onReadable: () => stream().pull(),
        onWritable: () => stream().drained(),
        onError: (error) => stream().destroy(error),
        onGone: () => {},
      });
    const one: TcpEndpoint = make(
      () => two,
      () => streams[0],
    );
    const two: TcpEndpoint = make(
      () => one,
      () => streams[1],
    );
    const streams = [new TcpStream(one), new TcpStream(two)] as const;
    one.connect();
    two.connect();
    return streams;
  }
}
