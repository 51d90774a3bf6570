import { once } from 'node:events';
import net from 'node:net';
import type { ConnectTcpOptions, ListenTcpOptions, Net } from '../../src/core/net.js';
import { createSystemNet } from '../../src/native/system-net.js';

/** Public hosts that are all on loopback, each with an address of its own, and a look at what passes between them. */
export class LoopbackInternet {
  /** Everything that was sent. */
  readonly wire: Buffer[] = [];
  private readonly addresses = new Set<string>();
  private readonly sockets = new Set<net.Socket>();
  private readonly taps = new Set<net.Server>();

  /** Sockets of a host with one interface. */
  host(address: string): Net {
    const system = createSystemNet();
    this.addresses.add(address);
    return {
      ...system,
      // One port for everything, as the system's own can do it with the addon.
      capabilities: { ...system.capabilities, sharedPort: true },
      listenTcp: (options: ListenTcpOptions) => system.listenTcp({ ...options, sharePort: false }),
      interfaces: () => [{ name: 'eth0', address, family: 4, prefixLength: 24, internal: false }],
      connectTcp: async ({ remote, timeoutMs, signal }: ConnectTcpOptions) => {
        if (!this.addresses.has(remote.address)) throw Object.assign(new Error('unreachable'), { code: 'ENETUNREACH' });
        const port = await this.tap(remote.port);
        return system.connectTcp({ remote: { address: '127.0.0.1', port }, timeoutMs, ...(signal ? { signal } : {}) });
      },
    };
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await Promise.all([...this.taps].map((tap) => new Promise((resolve) => tap.close(resolve))));
  }

  /** @returns a port that leads to another, for one connection */
  private async tap(port: number): Promise<number> {
    const server = net.createServer((near) => {
      const far = net.connect(port, '127.0.0.1');
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.sockets.add(socket);
        socket.on('error', () => other.destroy());
        socket.on('data', (data) => this.wire.push(data));
        socket.pipe(other);
      }
    });
    this.taps.add(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as net.AddressInfo).port;
  }
}
