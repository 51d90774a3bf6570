import type { Duplex } from 'node:stream';
import type { BindUdpOptions, DatagramSocket, Endpoint } from '../../src/core/net.js';
import type { OpenStreamOptions, ReliableStream, ReliableUdp, ReliableUdpSocket } from '../../src/core/reliable-udp.js';
import { bindUdp } from '../../src/native/udp.js';
import { duplexPair } from './duplex-pair.js';

/** Sockets of the system whose streams end in the test's hands. */
export class FakeReliableUdp implements ReliableUdp {
  readonly opened: { readonly options: OpenStreamOptions; readonly far: Duplex }[] = [];
  readonly sockets = new Set<DatagramSocket>();
  private readonly waiting = new Set<() => void>();

  async bind(options: BindUdpOptions): Promise<ReliableUdpSocket> {
    const socket = await bindUdp(options);
    this.sockets.add(socket);
    return {
      ...socket,
      open: (open) => this.open(open),
      close: async () => {
        this.sockets.delete(socket);
        await socket.close();
      },
    };
  }

  /** Resolves when so many streams have been opened. */
  async streams(count: number): Promise<void> {
    while (this.opened.length < count) await new Promise<void>((resolve) => this.waiting.add(resolve));
  }

  private open(options: OpenStreamOptions): ReliableStream {
    const [near, far] = duplexPair();
    this.opened.push({ options, far });
    for (const resolve of this.waiting) resolve();
    this.waiting.clear();
    return Object.assign(near, { remote: options.remote, rttMs: undefined, changeRemote: (_: Endpoint) => {} });
  }
}
