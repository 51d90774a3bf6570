import type { Clock } from '../../core/clock.js';
import type { DatagramSocket, Endpoint, Net } from '../../core/net.js';
import type { Random } from '../../core/random.js';
import type { Retransmission } from '../stun/retransmission.js';
import { StunTransactions } from '../stun/stun-transactions.js';

export interface SamplingOptions {
  readonly net: Pick<Net, 'bindUdp' | 'interfaces' | 'resolve'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly family: 4 | 6;
  /** Milliseconds until a request is repeated the first time. @default 200 */
  readonly rtoMs?: number;
}

/** A UDP socket for samples alone: what it does to the NAT's state must not reach a socket that is in use. */
export class SamplingSocket {
  private constructor(
    readonly socket: DatagramSocket,
    readonly transactions: StunTransactions,
    readonly retransmission: Retransmission,
    private readonly own: readonly string[],
    /** Called with what is no answer to a request of its own. */
    readonly foreign: Set<(data: Buffer, remote: Endpoint) => void>,
  ) {}

  static async open({ net, clock, random, family, rtoMs = 200 }: SamplingOptions): Promise<SamplingSocket> {
    let transactions: StunTransactions | undefined;
    const foreign = new Set<(data: Buffer, remote: Endpoint) => void>();
    const socket = await net.bindUdp({
      local: { address: family === 6 ? '::' : '0.0.0.0', port: 0 },
      onMessage: (data, remote) => {
        if (transactions?.receive(data, remote)) return;
        for (const listener of foreign) listener(data, remote);
      },
    });
    // 200, 400, 800 and 800 ms: three losses in a row are not silence yet.
    const retransmission = { rtoMs, requests: 4, lastWait: 4 };
    transactions = new StunTransactions({ clock, random, retransmission, send: (data, remote) => socket.send(data, remote) });
    return new SamplingSocket(
      socket,
      transactions,
      retransmission,
      net.interfaces().map(({ address }) => address),
      foreign,
    );
  }

  /** Its own place, of its several addresses the one that `mapped` shows where that is untranslated. */
  localFor(mapped: Endpoint): Endpoint {
    const { port, address } = this.socket.local;
    return { address: this.own.includes(mapped.address) ? mapped.address : address, port };
  }

  async close(): Promise<void> {
    this.transactions.close();
    await this.socket.close();
  }
}
