import { isIP } from 'node:net';
import type { BindUdpOptions, DatagramSocket, Endpoint } from '../core/net.js';
import type { HostLinks } from './host-links.js';
import { defaultTtl, isIPv6, type UdpPacket } from './packet.js';
import { pickPort } from './port-range.js';
import { systemError } from './system-error.js';

interface Socket {
  readonly local: Endpoint;
  readonly onMessage: BindUdpOptions['onMessage'];
}

/** The UDP sockets of one host. */
export class UdpStack {
  private readonly sockets = new Set<Socket>();

  constructor(private readonly host: HostLinks) {}

  get open(): number {
    return this.sockets.size;
  }

  bind({ local, onMessage }: BindUdpOptions): DatagramSocket {
    const { host } = this;
    if (isIP(local.address) === 0) throw systemError('EINVAL', 'bind', local.address);
    if (!host.mayBind(local.address)) throw systemError('EADDRNOTAVAIL', 'bind', local.address);
    const isFree = (port: number) => ![...this.sockets].some((other) => collide(other.local, { ...local, port }));
    const port = local.port || pickPort(host.random, isFree);
    if (!isFree(port)) throw systemError('EADDRINUSE', 'bind', `${local.address}:${port}`);
    const socket: Socket = { local: { address: local.address, port }, onMessage };
    this.sockets.add(socket);
    let ttl = defaultTtl;
    return {
      local: socket.local,
      send: (data, remote) => {
        if (!this.sockets.has(socket) || isIPv6(remote.address) !== isIPv6(local.address)) return;
        const source = host.sourceFor(remote.address, local.address);
        if (source === undefined) return;
        const payload = Uint8Array.from(data);
        host.send({
          protocol: 'udp',
          source: { address: source, port },
          destination: { address: remote.address, port: remote.port },
          ttl,
          payload,
        });
      },
      setTtl: (next) => {
        ttl = next;
      },
      close: async () => {
        this.sockets.delete(socket);
      },
    };
  }

  /** @returns whether anyone took it */
  receive({ source, destination, payload }: UdpPacket): boolean {
    const taker = [...this.sockets]
      .filter(({ local }) => local.port === destination.port && hears(local.address, destination.address))
      .sort((one, other) => Number(isWildcard(one.local.address)) - Number(isWildcard(other.local.address)))[0];
    taker?.onMessage(Buffer.from(payload), { ...source });
    return taker !== undefined;
  }
}

export function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

/** Does a socket that is bound so get what is sent there? One bound to all addresses serves one version of IP. */
export function hears(bound: string, address: string): boolean {
  return bound === address || (isWildcard(bound) && isIPv6(bound) === isIPv6(address));
}

/** Can two sockets not be bound so at once? */
export function collide(one: Endpoint, other: Endpoint): boolean {
  return one.port === other.port && (hears(one.address, other.address) || hears(other.address, one.address));
}
