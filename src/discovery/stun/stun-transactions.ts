import ipaddr from 'ipaddr.js';
import type { Clock, Timer } from '../../core/clock.js';
import type { Endpoint } from '../../core/net.js';
import type { Random } from '../../core/random.js';
import {
  type BindingAnswer,
  type BindingQuestion,
  type BindingSuccess,
  decodeBindingResponse,
  encodeBindingRequest,
  responseTransactionId,
  transactionIdLength,
} from './codec.js';
import { type Retransmission, retransmissionWaits } from './retransmission.js';
import { systemError } from './system-error.js';

export interface StunTransactionsOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Sends from the socket whose datagrams {@link StunTransactions.receive} is given. */
  readonly send: (data: Uint8Array, remote: Endpoint) => void;
  readonly retransmission?: Retransmission;
}

export interface UdpBindingOptions extends BindingQuestion {
  /** Where the answer must come from. @default where the request goes */
  readonly from?: Endpoint;
  /** In place of those of the socket's. */
  readonly retransmission?: Retransmission;
  /** Milliseconds after which to give up, should that come before the last request has been waited for. @default none */
  readonly timeoutMs?: number;
  /** Its abort rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** Answers to requests that have ended are still known as such for so many later requests. */
const remembered = 256;

/**
 * Binding requests over a UDP socket of someone else's, who goes on using it. An answer is believed when its transaction id is
 * that of a request under way and it comes from where the request went: whoever cannot see our packets cannot answer them.
 */
export class StunTransactions {
  private readonly pending = new Map<string, Transaction>();
  private readonly past = new Set<string>();
  private strayAnswers = 0;
  private lateAnswers = 0;
  private closed = false;

  constructor(private readonly options: StunTransactionsOptions) {}

  /** Answers that were not believed: from another source, or to no request of ours from a server that is being asked. */
  get strays(): number {
    return this.strayAnswers;
  }

  /** Answers to requests that were answered or given up before. */
  get late(): number {
    return this.lateAnswers;
  }

  /**
   * Asks a server how it sees this socket.
   * @throws Error with `code` ETIMEDOUT, EPROTO (a refusal) or ECONNABORTED ({@link close}), or the signal's reason
   */
  bind(remote: Endpoint, options: UdpBindingOptions = {}): Promise<BindingSuccess> {
    const { clock, random, send } = this.options;
    const { signal, timeoutMs = Number.POSITIVE_INFINITY } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      if (this.closed) return reject(systemError('ECONNABORTED', 'the socket was closed'));
      const transactionId = random.bytes(transactionIdLength);
      const key = Buffer.from(transactionId).toString('hex');
      const request = encodeBindingRequest(transactionId, options);
      const waits = [...retransmissionWaits(options.retransmission ?? this.options.retransmission)];
      const startedAt = clock.now();
      let timer: Timer | undefined;

      const settle = (act: () => void) => {
        timer?.cancel();
        signal?.removeEventListener('abort', onAbort);
        this.pending.delete(key);
        this.remember(key);
        act();
      };
      const onAbort = () => settle(() => reject(signal?.reason as Error));
      const next = () => {
        const wait = waits.shift();
        const left = startedAt + timeoutMs - clock.now();
        if (wait === undefined || left <= 0) {
          const waited = Math.round(clock.now() - startedAt);
          return settle(() => reject(systemError('ETIMEDOUT', `no answer within ${waited} ms`)));
        }
        send(request, remote);
        timer = clock.setTimer(Math.min(wait, left), next);
      };
      this.pending.set(key, {
        transactionId,
        remote,
        from: options.from ?? remote,
        answer: (answer) =>
          settle(() =>
            'refused' in answer ? reject(systemError('EPROTO', `the server refused: ${answer.refused}`)) : resolve(answer),
          ),
        abort: (error) => settle(() => reject(error)),
      });
      signal?.addEventListener('abort', onAbort, { once: true });
      return next();
    });
  }

  /** Takes a datagram that came in. @returns whether it was an answer meant for us, believed or not; any other is the caller's */
  receive(data: Uint8Array, remote: Endpoint): boolean {
    const key = responseTransactionId(data);
    if (key === undefined) return false;
    const transaction = this.pending.get(key);
    if (transaction === undefined) {
      if (this.past.has(key)) this.lateAnswers += 1;
      else if ([...this.pending.values()].some((other) => sameEndpoint(other.from, remote))) this.strayAnswers += 1;
      else return false;
      return true;
    }
    const answer = sameEndpoint(transaction.from, remote) ? decodeBindingResponse(data, transaction.transactionId) : undefined;
    if (answer) transaction.answer(answer);
    else this.strayAnswers += 1;
    return true;
  }

  /** Ends what is under way. The socket stays as it is. Idempotent. */
  close(): void {
    this.closed = true;
    for (const { abort } of this.pending.values()) abort(systemError('ECONNABORTED', 'the socket was closed'));
  }

  private remember(key: string): void {
    this.past.add(key);
    const [oldest] = this.past;
    if (this.past.size > remembered && oldest !== undefined) this.past.delete(oldest);
  }
}

interface Transaction {
  readonly transactionId: Uint8Array;
  readonly remote: Endpoint;
  readonly from: Endpoint;
  answer(answer: BindingAnswer): void;
  abort(error: Error): void;
}

function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && (a.address === b.address || canonical(a.address) === canonical(b.address));
}

/** One spelling of an IPv6 address, for there are many. */
function canonical(address: string): string {
  return ipaddr.isValid(address) ? ipaddr.process(address).toString() : address;
}
