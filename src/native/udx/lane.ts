import type Udx from 'udx-native';

export interface LaneOptions {
  readonly udx: Udx;
  readonly socket: Udx.Socket;
  readonly localId: number;
  readonly remoteId: number;
  readonly remote: { readonly address: string; readonly port: number };
  onData(data: Buffer): void;
  /** The other end's half has come to its end. */
  onEnd(): void;
  /** Everything went through both ways and was acknowledged, or the lane is lost. Not called after {@link Lane.abandon}. */
  onClose(orderly: boolean): void;
}

/**
 * One stream of udx, between two addresses for good: it can be told another, but what is under way then is sent to the old one
 * until it gives up. So a stream that moves goes on in a new lane.
 */
export class Lane {
  readonly closed: Promise<void>;
  isClosed = false;
  private readonly stream: Udx.Stream;
  private abandoned = false;
  private received = false;
  private ending = false;

  constructor({ udx, socket, localId, remoteId, remote, onData, onEnd, onClose }: LaneOptions) {
    this.stream = udx.createStream(localId);
    this.closed = new Promise((resolve) => {
      this.stream.on('close', () => {
        this.isClosed = true;
        resolve();
        if (!this.abandoned) onClose(this.received && this.ending);
      });
    });
    this.stream.on('data', (data) => {
      if (!this.abandoned) onData(data);
    });
    this.stream.on('end', () => {
      this.received = true;
      if (!this.abandoned) onEnd();
    });
    // 'close' follows.
    this.stream.on('error', () => {
      this.received = false;
    });
    this.stream.connect(socket, remoteId, remote.port, remote.address);
  }

  /** Milliseconds; undefined before the first sample. */
  get rttMs(): number | undefined {
    return this.stream.rtt || undefined;
  }

  write(data: Uint8Array): void {
    this.stream.write(data);
  }

  end(): void {
    this.ending = true;
    this.stream.end();
  }

  /** Ends it at once. Idempotent. */
  abandon(): void {
    this.abandoned = true;
    if (!this.isClosed) this.stream.destroy();
  }
}
