import type { Clock } from '../clock.js';
import { SignallingError } from '../errors.js';
import type { ByteStream } from '../net.js';
import { TokenBucket } from '../token-bucket.js';
import { type Message, maxMessageBytes, parseMessage } from './messages.js';

/** Messages a peer may send at once, and how many a second after that. An attempt needs about ten. */
const rate = { burst: 200, perSecond: 50 };
/** Bytes waiting to be sent to a peer that does not read, before it is given up. */
const maxUnsentBytes = 512 * 1024;

/** How long the last messages may take to leave, and the peer to end too, before the stream is destroyed, in milliseconds. */
const lingerMs = 1000;

export interface MessageStreamEvents {
  onMessage(message: Message): void;
  /** Called once, when the stream has ended in whatever way; `error` is undefined for an orderly end. */
  onClose(error: SignallingError | undefined): void;
}

/** Newline-delimited JSON on a stream, with caps on size and rate in both directions. */
export class MessageStream {
  private readonly pending: Buffer[] = [];
  private pendingBytes = 0;
  private readonly allowance: TokenBucket;
  private closed = false;

  constructor(
    readonly stream: ByteStream,
    private readonly clock: Clock,
    private readonly events: MessageStreamEvents,
  ) {
    this.allowance = new TokenBucket(clock, rate);
    stream.on('data', (chunk: Buffer) => this.receive(chunk));
    stream.on('end', () => this.close());
    stream.on('error', (error) => {
      this.close(
        new SignallingError('SIGNALLING_CLOSED', `The signalling connection broke: ${error.message}.`, { cause: error }),
      );
    });
    stream.on('close', () => this.close());
  }

  send(message: Message): void {
    if (this.closed) return;
    const line = Buffer.from(`${JSON.stringify(message)}\n`);
    if (line.length > maxMessageBytes) {
      throw new SignallingError(
        'SIGNALLING_TOO_LARGE',
        `A ${message.type} message of ${line.length} bytes exceeds ${maxMessageBytes}.`,
      );
    }
    this.stream.write(line);
    if (this.stream.writableLength > maxUnsentBytes) {
      this.close(new SignallingError('SIGNALLING_STALLED', `The peer left ${this.stream.writableLength} bytes unread.`));
    }
  }

  /** Flushes what was sent, then closes. Idempotent. */
  close(error?: SignallingError): void {
    if (this.closed) return;
    this.closed = true;
    this.pending.length = 0;
    if (error) this.stream.destroy();
    else {
      const linger = this.clock.setTimer(lingerMs, () => this.stream.destroy());
      this.stream.once('close', () => linger.cancel());
      // Closed before the peer has ended too, what it is just sending would reset the connection, and our last words with it.
      this.stream.end(() => this.stream.readableEnded && this.stream.destroy());
      this.stream.once('end', () => this.stream.destroy());
    }
    // Late data of a peer that goes on talking is read and dropped until the stream is gone.
    this.stream.resume();
    this.events.onClose(error);
  }

  /** Closes without another byte but one RST. Idempotent. */
  abandon(): void {
    if (this.closed) return;
    this.closed = true;
    this.pending.length = 0;
    if (this.stream.resetAndDestroy) this.stream.resetAndDestroy();
    else this.stream.destroy();
    this.events.onClose(undefined);
  }

  private receive(chunk: Buffer): void {
    let rest = chunk;
    // Nothing is kept of a chunk that ends with a line: a piece of it would keep all its memory.
    while (!this.closed && rest.length > 0) {
      const newline = rest.indexOf(0x0a);
      const part = newline < 0 ? rest : rest.subarray(0, newline);
      if (this.pendingBytes + part.length >= maxMessageBytes) {
        this.close(new SignallingError('SIGNALLING_TOO_LARGE', `The peer sent a line of more than ${maxMessageBytes} bytes.`));
        return;
      }
      this.pending.push(part);
      this.pendingBytes += part.length;
      if (newline < 0) return;
      const line = Buffer.concat(this.pending).toString('utf8');
      this.pending.length = 0;
      this.pendingBytes = 0;
      rest = rest.subarray(newline + 1);
      this.deliver(line);
    }
  }

  private deliver(line: string): void {
    if (!this.allowance.take()) {
      this.close(new SignallingError('SIGNALLING_TOO_FAST', `The peer sent more than ${rate.perSecond} messages a second.`));
      return;
    }
    let message: Message | undefined;
    try {
      message = parseMessage(line);
    } catch (error) {
      this.close(new SignallingError('SIGNALLING_MALFORMED', `The peer’s message was refused: ${(error as Error).message}.`));
      return;
    }
    if (message) this.events.onMessage(message);
  }
}
