import { Duplex } from 'node:stream';
import { ByteQueue } from './byte-queue.js';
import { initialWindow } from './frame.js';

/** What a stream asks of its session. */
export interface StreamOutlet {
  /** It has something to send that {@link YamuxStream.takeOutgoing} gives. */
  ready(stream: YamuxStream): void;
  /** The reader has taken this many bytes more: the other end may send as many. */
  grant(stream: YamuxStream, bytes: number): void;
  reset(stream: YamuxStream): void;
  gone(stream: YamuxStream): void;
}

/** What is to be sent next of a stream: bytes, or that no more come. */
export type Outgoing = { readonly body: Buffer } | 'fin';

/**
 * One stream of a session. `end()` closes one direction; `destroy()` resets both. At most a window of unread bytes (256 KiB) and a
 * reader's buffer (16 KiB) are held, for the other end gets new credit only for what has been read.
 */
export class YamuxStream extends Duplex {
  private sendWindow = initialWindow;
  private receiveWindow = initialWindow;
  /** Bytes that were read and not yet granted anew. */
  private readBytes = 0;
  private readonly incoming = new ByteQueue();
  private wanted = false;
  private writing: { rest: Buffer; done: (error?: Error | null) => void } | undefined;
  private finishing: ((error?: Error | null) => void) | undefined;
  private finSent = false;
  private finReceived = false;
  private resetReceived = false;

  constructor(
    readonly id: number,
    private readonly outlet: StreamOutlet,
  ) {
    super({ allowHalfOpen: true, readableHighWaterMark: 16 * 1024, writableHighWaterMark: 64 * 1024 });
    // A reset is found by whoever reads or writes; one that nobody waits for must not end the process.
    this.on('error', () => {});
  }

  /** Whether {@link takeOutgoing} has something to give. */
  get sendable(): boolean {
    return this.writing ? this.sendWindow > 0 : this.finishing !== undefined;
  }

  /** The next thing to send, as far as the window goes. @param most bytes */
  takeOutgoing(most: number): Outgoing | undefined {
    const { writing, finishing } = this;
    if (writing) {
      const body = writing.rest.subarray(0, Math.min(most, this.sendWindow));
      if (body.length === 0) return undefined;
      this.sendWindow -= body.length;
      writing.rest = writing.rest.subarray(body.length);
      if (writing.rest.length === 0) {
        this.writing = undefined;
        process.nextTick(writing.done);
      }
      return { body };
    }
    if (!finishing) return undefined;
    this.finishing = undefined;
    this.finSent = true;
    process.nextTick(finishing);
    return 'fin';
  }

  /** The other end may be sent so much more. */
  grow(bytes: number): void {
    this.sendWindow += bytes;
    if (this.sendable) this.outlet.ready(this);
  }

  /** The other end announces so many bytes. @returns whether it may send them */
  expect(bytes: number): boolean {
    if (this.finReceived || bytes > this.receiveWindow) return false;
    this.receiveWindow -= bytes;
    return true;
  }

  deliver(part: Buffer): void {
    if (this.destroyed) return;
    this.incoming.push(part);
    this.pass();
  }

  /** Nothing more comes from the other end. */
  endReceived(): void {
    this.finReceived = true;
    this.pass();
  }

  /** The other end has reset it, or the session is gone. */
  cutOff(reason: Error): void {
    this.resetReceived = true;
    this.destroy(reason);
  }

  override _read(): void {
    this.wanted = true;
    this.pass();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (chunk.length === 0) {
      done();
      return;
    }
    this.writing = { rest: chunk, done };
    if (this.sendable) this.outlet.ready(this);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.finishing = done;
    this.outlet.ready(this);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.incoming.clear();
    if (!this.resetReceived && !(this.finSent && this.finReceived)) this.outlet.reset(this);
    this.outlet.gone(this);
    const unsent = error ?? new Error('the stream was destroyed');
    this.writing?.done(unsent);
    this.finishing?.(unsent);
    done(error);
  }

  /** Hands what has come to the reader, as long as it wants more. */
  private pass(): void {
    while (this.wanted && !this.destroyed) {
      const part = this.incoming.shift();
      if (!part) {
        if (this.finReceived) {
          this.wanted = false;
          this.push(null);
        }
        break;
      }
      this.readBytes += part.length;
      this.wanted = this.push(part);
    }
    // Half a window at a time, so that few messages suffice and the other end seldom waits.
    if (this.readBytes < initialWindow / 2 || this.finReceived || this.destroyed) return;
    this.receiveWindow += this.readBytes;
    this.outlet.grant(this, this.readBytes);
    this.readBytes = 0;
  }
}
