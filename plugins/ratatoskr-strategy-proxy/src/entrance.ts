import {
  type ByteStream,
  type Clock,
  describeError,
  type Listener,
  type Net,
  readExactly,
  StrategyError,
  withDeadline,
} from 'ratatoskr';
import { tokenLength } from './messages.js';

/** Strangers at once that have said nothing yet. */
const maxStrangers = 32;
/** How long a stranger may take to say which attempt it belongs to, in milliseconds. */
const tokenTimeoutMs = 5000;

/** The one port that all attempts of an agent share: whoever connects says a token first, which leads to its attempt. */
export class Entrance {
  private readonly guests = new Map<string, (stream: ByteStream) => void>();
  private readonly strangers = new Set<ByteStream>();
  private listening: Promise<readonly Listener[]> | undefined;
  private closed: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly net: Net,
    private readonly clock: Clock,
    private readonly port: number,
  ) {}

  /**
   * Listens until the returned function has been called, for others' attempts too.
   * @param token in hexadecimal
   * @throws StrategyError SOCKETS_REFUSED when the port is taken, or not for us
   */
  async expect(token: string, onStream: (stream: ByteStream) => void): Promise<() => Promise<void>> {
    this.guests.set(token, onStream);
    const leave = async () => {
      this.guests.delete(token);
      if (this.guests.size === 0) await this.close();
    };
    this.listening ??= this.listen();
    try {
      await this.listening;
    } catch (error) {
      await leave();
      throw error;
    }
    return leave;
  }

  /** Sees whether the port can be listened on, and leaves it. @throws as {@link expect} does */
  async probe(): Promise<void> {
    const leave = await this.expect('probe', (stream) => stream.destroy());
    await leave();
  }

  private async listen(): Promise<readonly Listener[]> {
    await this.closed;
    const listenOn = (address: string) =>
      this.net.listenTcp({ local: { address, port: this.port }, onStream: (stream) => void this.admit(stream) });
    const first = await listenOn('0.0.0.0').catch((cause: unknown) => {
      throw new StrategyError('SOCKETS_REFUSED', `Nobody can be let in: ${describeError(cause).message}.`, {
        cause,
        help: 'Name another listen.port, or permit this one: those below 1024 need CAP_NET_BIND_SERVICE.',
      });
    });
    // A machine without IPv6 does with IPv4 alone.
    return listenOn('::').then(
      (second) => [first, second],
      () => [first],
    );
  }

  private close(): Promise<unknown> {
    const listening = this.listening;
    this.listening = undefined;
    for (const stream of this.strangers) stream.destroy();
    this.closed = listening?.then((all) => Promise.all(all.map((listener) => listener.close()))).catch(() => {}) ?? this.closed;
    return this.closed;
  }

  private async admit(stream: ByteStream): Promise<void> {
    stream.on('error', () => {});
    if (this.strangers.size >= maxStrangers) {
      stream.destroy();
      return;
    }
    this.strangers.add(stream);
    try {
      const welcome = this.guests.get(await readToken(stream, this.clock));
      if (welcome) welcome(stream);
      else stream.destroy();
    } catch {
      // It is destroyed.
    } finally {
      this.strangers.delete(stream);
    }
  }
}

/** What the one who connects says first, in hexadecimal; otherwise the stream is destroyed. @throws Error */
export async function readToken(stream: ByteStream, clock: Clock, signal?: AbortSignal): Promise<string> {
  const over = new AbortController();
  try {
    const bytes = await withDeadline(readExactly(stream, tokenLength, over.signal), {
      clock,
      timeoutMs: tokenTimeoutMs,
      ...(signal ? { signal } : {}),
      expired: () => new Error('nothing was said'),
    });
    return bytes.toString('hex');
  } catch (error) {
    over.abort();
    stream.destroy();
    throw error;
  }
}
