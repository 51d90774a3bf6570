import type { ByteStream } from '../core/net.js';
import type { AttemptContext } from '../core/strategy.js';

/** Connections at once that have come in and not proved themselves. */
const maxAccepted = 32;

/** The one stream of an attempt that both ends settle on, of all that come up. */
export class ProvenStream {
  readonly proven: Promise<ByteStream>;
  private settle: (stream: ByteStream) => void = () => {};
  private incoming = 0;

  constructor(private readonly context: Pick<AttemptContext, 'prove'>) {
    this.proven = new Promise((resolve) => {
      this.settle = resolve;
    });
  }

  /** @returns whether the peer is at the other end and this is the stream both use */
  async offer(stream: ByteStream, options: { readonly speakFirst: boolean }): Promise<boolean> {
    try {
      await this.context.prove(stream, options);
      this.settle(stream);
      return true;
    } catch {
      return false;
    }
  }

  /** A connection to our port, from anyone: it gets no byte before it has proved itself, and strangers may not pile up. */
  offerIncoming(stream: ByteStream): void {
    if (this.incoming >= maxAccepted) {
      stream.destroy();
      return;
    }
    this.incoming += 1;
    void this.offer(stream, { speakFirst: false }).finally(() => {
      this.incoming -= 1;
    });
  }
}
