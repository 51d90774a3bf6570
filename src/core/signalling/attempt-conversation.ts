import { type SignallingError, StrategyError } from '../errors.js';
import type { AttemptChannel } from '../strategy.js';
import type { Message } from './messages.js';

/** Messages of one attempt that may wait unread; more end the attempt. */
const maxQueued = 64;
/** Largest payload a strategy may send, as JSON, in bytes. */
const maxPayloadBytes = 32 * 1024;

/** One attempt's messages on a signalling link, and its end from either side. */
export class AttemptConversation {
  readonly channel: AttemptChannel;
  private readonly queue: unknown[] = [];
  private readonly readers: { resolve(payload: unknown): void; reject(error: Error): void }[] = [];
  private readonly ended = new AbortController();

  constructor(
    readonly id: string,
    readonly strategy: string,
    readonly secret: Uint8Array,
    private readonly sendMessage: (message: Message) => void,
    private readonly onEnd: () => void,
  ) {
    this.channel = {
      send: async (payload) => this.send(payload),
      receive: () => this.receive(),
    };
  }

  /** Aborts when the attempt ends at either end; its reason is a StrategyError or SignallingError. */
  get signal(): AbortSignal {
    return this.ended.signal;
  }

  /** Ends the attempt here and tells the peer why. Idempotent. */
  end(code: string, message: string): void {
    this.endFor(code, message, 'ATTEMPT_ABORTED');
  }

  /** The attempt is over without a message to the peer, because it came from there or nothing can be sent. */
  finish(reason: StrategyError | SignallingError): void {
    if (this.signal.aborted) return;
    this.ended.abort(reason);
    for (const reader of this.readers.splice(0)) reader.reject(reason);
    this.queue.length = 0;
    this.onEnd();
  }

  deliver(payload: unknown): void {
    const reader = this.readers.shift();
    if (reader) reader.resolve(payload);
    else if (this.queue.length < maxQueued) this.queue.push(payload);
    else this.endFor('ATTEMPT_FLOODED', `more than ${maxQueued} messages are waiting`, 'ATTEMPT_FLOODED');
  }

  private endFor(told: string, message: string, reason: 'ATTEMPT_ABORTED' | 'ATTEMPT_FLOODED'): void {
    if (this.signal.aborted) return;
    this.sendMessage({ type: 'end', id: this.id, code: told, message: message.slice(0, 512) });
    this.finish(new StrategyError(reason, `The attempt was ended: ${message}`));
  }

  private send(payload: unknown): void {
    this.signal.throwIfAborted();
    const size = Buffer.byteLength(JSON.stringify(payload) ?? '');
    if (size > maxPayloadBytes) {
      throw new StrategyError(
        'ATTEMPT_FLOODED',
        `A message of ${size} bytes exceeds the ${maxPayloadBytes} an attempt may send.`,
      );
    }
    this.sendMessage({ type: 'data', id: this.id, payload });
  }

  private receive(): Promise<unknown> {
    if (this.queue.length > 0) return Promise.resolve(this.queue.shift());
    if (this.signal.aborted) return Promise.reject(this.signal.reason as Error);
    return new Promise((resolve, reject) => this.readers.push({ resolve, reject }));
  }
}
