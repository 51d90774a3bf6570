import type { Endpoint } from '../../core/net.js';
import type { ReliableUdp, ReliableUdpSocket } from '../../core/reliable-udp.js';

export type OnDatagram = (socket: ReliableUdpSocket, data: Buffer, remote: Endpoint) => void;

/** The sockets of one attempt. All come from the reliability layer, for any of them may be the one that carries the path. */
export class PunchingSockets {
  private readonly sockets = new Set<ReliableUdpSocket>();
  private ended = false;

  constructor(
    private readonly layer: ReliableUdp,
    private readonly onDatagram: OnDatagram,
  ) {}

  /** @throws the system's error, EMFILE for one */
  async bind(address: '0.0.0.0' | '::'): Promise<ReliableUdpSocket> {
    const socket = await this.layer.bind({
      local: { address, port: 0 },
      onMessage: (data, remote) => this.onDatagram(socket, data, remote),
    });
    this.sockets.add(socket);
    if (this.ended) {
      await this.close(socket);
      throw new Error('the attempt is over');
    }
    return socket;
  }

  /** As many as the system gives, up to `count`. */
  async bindMany(count: number): Promise<ReliableUdpSocket[]> {
    const bound = await Promise.allSettled(Array.from({ length: count }, () => this.bind('0.0.0.0')));
    return bound.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  }

  /** Closes all but one, whose owner the caller is from then on. What is being bound is closed too. Idempotent. */
  async end(kept?: ReliableUdpSocket): Promise<void> {
    if (kept) this.sockets.delete(kept);
    this.ended = true;
    await Promise.all([...this.sockets].map((socket) => this.close(socket)));
  }

  private async close(socket: ReliableUdpSocket): Promise<void> {
    this.sockets.delete(socket);
    await socket.close();
  }
}
