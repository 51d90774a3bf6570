import { threadId } from 'node:worker_threads';
import type { ByteStream, Endpoint, InterfaceAddress, Net } from '../../core/net.js';
import type { ReliableUdp } from '../../core/reliable-udp.js';
import { systemError } from '../system-error.js';

/**
 * Public addresses that machines go by, and where they are on the loopback: all of 127.0.0.0/8 is there. Test files that run at the same time are
 * processes or threads that began one after the other, and so have neighbouring numbers: each its own part of the loopback.
 */
const prefixes = { shown: '20.88.', real: `127.${1 + ((process.pid + threadId) % 250)}.` };

/**
 * A machine of its own on the loopback, as far as its sockets can tell: one public address, and no way to anything but its like. The
 * sockets are the system's.
 */
export class LoopbackMachine {
  readonly address: string;
  private readonly real: string;

  /** @param number of the machine, 1 to 65,000 @throws RangeError when there are too many */
  constructor(number: number) {
    if (number > 65_000) throw new RangeError('There are no more addresses on the loopback for machines of tests.');
    const rest = `${Math.floor(number / 250)}.${1 + (number % 250)}`;
    this.address = `${prefixes.shown}${rest}`;
    this.real = `${prefixes.real}${rest}`;
  }

  net(system: Net): Net {
    const own: InterfaceAddress = { name: 'lo', address: this.address, family: 4, prefixLength: 24, internal: false };
    const show = (stream: ByteStream) => {
      const { localAddress, remoteAddress } = stream;
      Object.defineProperty(stream, 'localAddress', { value: localAddress && shown(localAddress) });
      Object.defineProperty(stream, 'remoteAddress', { value: remoteAddress && shown(remoteAddress) });
      return stream;
    };
    return {
      capabilities: system.capabilities,
      connectTcp: async (options) => {
        const local = { ...options.local, address: this.bindable(options.local?.address ?? this.address) };
        return show(await system.connectTcp({ ...options, local, remote: reachable(options.remote) }));
      },
      listenTcp: async (options) => {
        const local = { ...options.local, address: this.bindable(options.local.address) };
        const listener = await system.listenTcp({ ...options, local, onStream: (stream) => options.onStream(show(stream)) });
        const port = listener.local?.port ?? 0;
        return { local: { address: options.local.address, port }, close: () => listener.close() };
      },
      bindUdp: async (options) => {
        const socket = await system.bindUdp(this.bound(options));
        return {
          local: { address: options.local.address, port: socket.local.port },
          send: (data, remote) => sending(remote, (to) => socket.send(data, to)),
          setTtl: (ttl) => socket.setTtl(ttl),
          close: () => socket.close(),
        };
      },
      connectUnix: (path, options) => system.connectUnix(path, options),
      listenUnix: (options) => system.listenUnix(options),
      tune: (stream, tuning) => system.tune(stream, tuning),
      tcpInfo: (stream) => system.tcpInfo(stream),
      peerCredentials: (stream) => system.peerCredentials(stream),
      interfaces: () => [own],
      defaultRoute: async () => undefined,
      resolve: async (host, options) => {
        if (/^[\d.:a-f]+$/i.test(host)) return system.resolve(host, options);
        throw systemError('ENOTFOUND', 'getaddrinfo', host);
      },
    };
  }

  reliableUdp(system: ReliableUdp): ReliableUdp {
    return {
      bind: async (options) => {
        const socket = await system.bind(this.bound(options));
        return {
          local: { address: options.local.address, port: socket.local.port },
          send: (data, remote) => sending(remote, (to) => socket.send(data, to)),
          setTtl: (ttl) => socket.setTtl(ttl),
          close: () => socket.close(),
          open: (stream) => socket.open({ ...stream, remote: reachable(stream.remote) }),
        };
      },
    };
  }

  private bound<Options extends { local: Endpoint; onMessage(data: Buffer, remote: Endpoint): void }>(options: Options): Options {
    return {
      ...options,
      local: { ...options.local, address: this.bindable(options.local.address) },
      onMessage: (data: Buffer, { address, port }: Endpoint) => options.onMessage(data, { address: shown(address), port }),
    };
  }

  private bindable(address: string): string {
    if (address === '0.0.0.0' || address === this.address) return this.real;
    throw systemError('EADDRNOTAVAIL', 'bind', address);
  }
}

function shown(address: string): string {
  return address.startsWith(prefixes.real) ? prefixes.shown + address.slice(prefixes.real.length) : address;
}

/** @throws the system's error for what no machine here goes by */
function reachable({ address, port }: Endpoint): Endpoint {
  if (!address.startsWith(prefixes.shown)) throw systemError('ENETUNREACH', 'connect', address);
  return { address: prefixes.real + address.slice(prefixes.shown.length), port };
}

/** A datagram to nowhere is lost. */
function sending(remote: Endpoint, send: (to: Endpoint) => void): void {
  if (remote.address.startsWith(prefixes.shown)) send(reachable(remote));
}
