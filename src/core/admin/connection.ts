import type { Clock, Timer } from '../clock.js';
import { AdminError } from '../errors.js';
import type { ByteStream } from '../net.js';
import { JsonSplitter, TooLarge } from './json-splitter.js';
import { parseEnvelope } from './schemas.js';

export interface CallOptions<Result> {
  /** Aborting rejects the call with the signal's reason; a reply on its way is still read, and dropped. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds from sending to the whole reply. @default 5000 */
  readonly timeoutMs?: number;
  /** Reads the reply's bytes, which are its own until it returns, before anything is parsed. What it gives is the result, if it gives any. */
  readonly read?: (reply: Buffer) => Result | undefined;
}

interface Call {
  readonly request: string;
  readonly text: string;
  readonly timeoutMs: number;
  settled: boolean;
  /** The reader of {@link CallOptions}. @returns whether that was the reply */
  readonly take: ((reply: Buffer) => boolean) | undefined;
  /** @throws AdminError */
  finish(reply: Buffer): void;
  fail(error: unknown): void;
}

/**
 * One connection to an admin socket. Requests go out one after the other, each when the reply to the one before has come:
 * replies carry no id, so after a timeout or junk the connection is closed and a late reply is never taken for another's.
 */
export class AdminConnection {
  /** Resolves, once, with why the connection ended. */
  readonly closed: Promise<AdminError>;
  private resolveClosed: (reason: AdminError) => void = () => undefined;
  private reason: AdminError | undefined;
  private readonly queue: Call[] = [];
  private current: Call | undefined;
  private deadline: Timer | undefined;
  private readonly splitter: JsonSplitter;

  /**
   * @param stream owned by the connection from here on
   * @param replyLimit bytes of the largest reply
   */
  constructor(
    private readonly stream: ByteStream,
    private readonly clock: Clock,
    replyLimit = 16 * 1024 * 1024,
  ) {
    this.splitter = new JsonSplitter(replyLimit, (object) => this.answer(object));
    this.closed = new Promise((resolve) => {
      this.resolveClosed = resolve;
    });
    stream.on('data', (chunk: Buffer) => this.receive(chunk));
    stream.on('end', () => this.close(lost('closed the admin connection', this.splitter.midway)));
    stream.on('close', () => this.close(lost('closed the admin connection', this.splitter.midway)));
    stream.on('error', (error) => this.close(lost('broke off the admin connection', this.splitter.midway, error)));
  }

  get isClosed(): boolean {
    return this.reason !== undefined;
  }

  /**
   * @param parse what makes the reply's content into the result; an ADMIN_REPLY_INVALID from it closes the connection
   * @throws AdminError ADMIN_REFUSED, ADMIN_TIMEOUT, ADMIN_CLOSED, ADMIN_REPLY_INVALID, ADMIN_REPLY_TOO_LARGE; the signal's reason
   */
  call<Result>(
    request: string,
    args: Readonly<Record<string, unknown>>,
    parse: (response: unknown) => Result,
    { signal, timeoutMs = 5000, read }: CallOptions<Result> = {},
  ): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      if (this.reason) return reject(closedBecause(this.reason));
      const settle = (outcome: () => void) => {
        if (call.settled) return;
        call.settled = true;
        signal?.removeEventListener('abort', onAbort);
        outcome();
      };
      const take = (result: Result | undefined) => {
        if (result !== undefined) settle(() => resolve(result));
        return result !== undefined;
      };
      const onAbort = () => {
        call.fail(signal?.reason);
        const place = this.queue.indexOf(call);
        if (place >= 0) this.queue.splice(place, 1);
      };
      const call: Call = {
        request,
        text: `${JSON.stringify({ request, arguments: args, keepalive: true })}\n`,
        timeoutMs,
        settled: false,
        take: read && ((reply) => take(read(reply))),
        finish: (reply) => {
          if (call.take?.(reply)) return;
          const result = parse(parseEnvelope(parseJson(reply, request), request));
          settle(() => resolve(result));
        },
        fail: (error) => settle(() => reject(error as Error)),
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.queue.push(call);
      this.sendNext();
    });
  }

  /** Ends the connection; calls under way reject with ADMIN_CLOSED. Idempotent: the first reason stands. */
  close(reason = new AdminError('ADMIN_CLOSED', 'The agent closed the admin connection.')): void {
    if (this.reason) return;
    this.reason = reason;
    this.deadline?.cancel();
    this.stream.destroy();
    const calls = this.current ? [this.current, ...this.queue] : [...this.queue];
    this.current = undefined;
    this.queue.length = 0;
    for (const call of calls) call.fail(closedBecause(reason));
    this.resolveClosed(reason);
  }

  private sendNext(): void {
    if (this.current || this.reason) return;
    const call = this.queue.shift();
    if (!call) return;
    this.current = call;
    this.deadline = this.clock.setTimer(call.timeoutMs, () => {
      this.abandon(new AdminError('ADMIN_TIMEOUT', `The router did not answer ${call.request} within ${call.timeoutMs} ms.`));
    });
    this.stream.write(call.text);
  }

  private receive(chunk: Buffer): void {
    const { current } = this;
    const take = current?.take && ((text: Buffer) => this.takes(current, text));
    try {
      this.splitter.push(chunk, take);
    } catch (error) {
      this.abandon(error instanceof TooLarge ? tooLarge(error) : junk(this.current?.request, error));
    }
  }

  private takes(call: Call, text: Buffer): boolean {
    const isReply = call.take?.(text) ?? false;
    if (isReply) this.goOn();
    return isReply;
  }

  private answer(object: Buffer): void {
    if (this.reason) return;
    const call = this.current;
    if (!call) {
      this.abandon(junk(undefined));
      return;
    }
    try {
      call.finish(object);
    } catch (error) {
      const fault = asAdminError(error, call.request);
      if (fault.code !== 'ADMIN_REFUSED') {
        this.abandon(fault);
        return;
      }
      call.fail(fault);
    }
    this.goOn();
  }

  /** The reply to the call under way has come. */
  private goOn(): void {
    this.deadline?.cancel();
    this.current = undefined;
    this.sendNext();
  }

  /** Ends the connection by the fault of the call under way, which rejects with the fault itself. */
  private abandon(fault: AdminError): void {
    this.current?.fail(fault);
    this.close(fault);
  }
}

function parseJson(object: Buffer, request: string): unknown {
  try {
    return JSON.parse(object.toString());
  } catch (error) {
    throw junk(request, error);
  }
}

function asAdminError(error: unknown, request: string): AdminError {
  return error instanceof AdminError ? error : junk(request, error);
}

function junk(request: string | undefined, cause?: unknown): AdminError {
  const message = request ? `The reply to ${request} is no valid JSON object.` : 'The admin socket spoke without being asked.';
  return new AdminError('ADMIN_REPLY_INVALID', message, { cause });
}

function tooLarge(cause: TooLarge): AdminError {
  return new AdminError('ADMIN_REPLY_TOO_LARGE', `The admin socket sent a reply of more than ${cause.limit} bytes.`, { cause });
}

function lost(what: string, midway: boolean, cause?: unknown): AdminError {
  return new AdminError('ADMIN_CLOSED', `The router ${what}${midway ? ' in the middle of a reply' : ''}.`, { cause });
}

function closedBecause(reason: AdminError): AdminError {
  if (reason.code === 'ADMIN_CLOSED') return reason;
  return new AdminError('ADMIN_CLOSED', `The admin connection was closed: ${reason.message}`, { cause: reason });
}
