import { Duplex } from 'node:stream';

/**
 * One stream of two: what is written goes out on one, and what is read comes in on the other. The other direction of each is ended at
 * once. Owns both, and ends with either.
 */
export class TwoWayStream extends Duplex {
  constructor(
    private readonly outgoing: Duplex,
    private readonly incoming: Duplex,
  ) {
    super({ allowHalfOpen: true });
    for (const stream of [outgoing, incoming]) stream.on('error', (error) => this.destroy(error));
    outgoing.once('close', () => {
      if (!outgoing.writableFinished) this.destroy(new Error('the way out is gone'));
    });
    incoming.once('close', () => {
      if (!incoming.readableEnded) this.destroy(new Error('the way back is gone'));
    });
    incoming.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) incoming.pause();
    });
    incoming.once('end', () => this.push(null));
    incoming.end();
    outgoing.resume();
  }

  override _read(): void {
    this.incoming.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.outgoing.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.outgoing.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // What has been sent to its end is on its way still, and closes by itself.
    if (!this.outgoing.writableFinished) this.outgoing.destroy();
    if (!this.incoming.readableEnded) this.incoming.destroy();
    done(error);
  }
}
