import { Duplex } from 'node:stream';
import type { ByteStream, Endpoint } from '../core/net.js';
import type { TcpEndpoint } from './tcp-endpoint.js';

/** Bytes written and not acknowledged after which a writer has to wait. */
const sendLimit = 256 * 1024;

/** A TCP or unix connection as its owner sees it. Nothing flows before he reads. */
export class TcpStream extends Duplex implements ByteStream {
  bytesRead = 0;
  bytesWritten = 0;
  private reading = false;
  private waiting: (() => void) | undefined;

  constructor(
    readonly endpoint: TcpEndpoint,
    private readonly ends: { readonly local?: Endpoint; readonly remote?: Endpoint } = {},
  ) {
    super({ allowHalfOpen: true });
    // As with the system's sockets: a reset before the owner listens must not end the process.
    this.on('error', () => {});
  }

  get localAddress(): string | undefined {
    return this.ends.local?.address;
  }

  get localPort(): number | undefined {
    return this.ends.local?.port;
  }

  get remoteAddress(): string | undefined {
    return this.ends.remote?.address;
  }

  get remotePort(): number | undefined {
    return this.ends.remote?.port;
  }

  resetAndDestroy(): this {
    this.endpoint.reset();
    return this.destroy();
  }

  /** The endpoint has more, or has ended. */
  pull(): void {
    if (!this.reading) return;
    const data = this.endpoint.read();
    if (data) {
      this.bytesRead += data.length;
      this.reading = this.push(data);
    }
    if (this.endpoint.isEnded) {
      this.reading = false;
      this.push(null);
    }
  }

  /** The endpoint has room again. */
  drained(): void {
    if (this.endpoint.backlog >= sendLimit) return;
    const { waiting } = this;
    this.waiting = undefined;
    waiting?.();
  }

  override _read(): void {
    this.reading = true;
    this.pull();
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.bytesWritten += chunk.length;
    this.endpoint.write(Uint8Array.from(chunk));
    if (this.endpoint.backlog < sendLimit) done();
    else this.waiting = done;
  }

  override _final(done: () => void): void {
    this.endpoint.shutdown();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.waiting = undefined;
    this.endpoint.release();
    done(error);
  }
}
