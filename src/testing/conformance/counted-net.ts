import type { ByteStream, DatagramSocket, Endpoint, Listener, Net } from '../../core/net.js';
import { formatEndpoint } from '../../discovery/candidates.js';
import { type Ledger, opener } from './ledger.js';

/** Sockets that are in the ledger as long as they are open. */
export interface CountedNet extends Net {
  /** TCP ports that are listened on. */
  readonly listening: ReadonlySet<Endpoint>;
}

/** Streams are handed on as they are: a net knows its own. */
export function countedNet(net: Net, ledger: Ledger): CountedNet {
  const listening = new Set<Endpoint>();
  const watch = (stream: ByteStream, what: string, where: string) => {
    stream.once('close', ledger.hold(what, where));
    return stream;
  };
  const dial = async (what: string, connect: () => Promise<ByteStream>) => {
    const where = opener();
    const release = ledger.hold(`${what} that is being opened`, where);
    try {
      return watch(await connect(), what, where);
    } finally {
      release();
    }
  };
  const taking = (onStream: (stream: ByteStream) => void, where: string) => (stream: ByteStream) => {
    onStream(watch(stream, `a connection from ${place(stream.remoteAddress, stream.remotePort)}`, `by the listener ${where}`));
  };
  return {
    capabilities: net.capabilities,
    listening,
    async connectTcp(options) {
      ledger.permit('connect');
      ledger.contacts.push(options.remote);
      return dial(`a TCP connection to ${formatEndpoint(options.remote)}`, () => net.connectTcp(options));
    },
    async listenTcp(options) {
      ledger.permit('listen');
      const where = opener();
      const listener = await net.listenTcp({ ...options, onStream: taking(options.onStream, where) });
      const { local } = listener;
      if (local) listening.add(local);
      const release = ledger.hold(`a listener on ${place(local?.address, local?.port)}`, where);
      return closing(listener, () => {
        if (local) listening.delete(local);
        release();
      });
    },
    async bindUdp(options) {
      ledger.permit('bind');
      return countedSocket(await net.bindUdp(options), ledger);
    },
    async connectUnix(path, options) {
      ledger.permit('connect');
      return dial(`a unix connection to ${path}`, () => net.connectUnix(path, options));
    },
    async listenUnix(options) {
      ledger.permit('listen');
      const where = opener();
      const listener = await net.listenUnix({ ...options, onStream: taking(options.onStream, where) });
      return closing(listener, ledger.hold(`a listener on ${options.path}`, where));
    },
    tune: (stream, tuning) => net.tune(stream, tuning),
    tcpInfo: (stream) => net.tcpInfo(stream),
    peerCredentials: (stream) => net.peerCredentials(stream),
    interfaces: () => net.interfaces(),
    ...(net.defaultRoute ? { defaultRoute: net.defaultRoute.bind(net) } : {}),
    resolve: (host, options) => net.resolve(host, options),
  };
}

/** Counts a UDP socket until it is closed, and notes where it sends to. */
export function countedSocket<Socket extends DatagramSocket>(socket: Socket, ledger: Ledger): Socket {
  const release = ledger.hold(`a UDP socket on ${formatEndpoint(socket.local)}`);
  const { send, close } = socket;
  const sentTo = new Set<string>();
  socket.send = (data, remote) => {
    const key = formatEndpoint(remote);
    if (!sentTo.has(key)) ledger.contacts.push(remote);
    sentTo.add(key);
    send.call(socket, data, remote);
  };
  socket.close = async () => {
    await close.call(socket);
    release();
  };
  return socket;
}

function closing(listener: Listener, closed: () => void): Listener {
  return {
    local: listener.local,
    async close() {
      await listener.close();
      closed();
    },
  };
}

function place(address = 'an unknown address', port = 0): string {
  return formatEndpoint({ address, port });
}
