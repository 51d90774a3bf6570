import type { Clock, Timer } from '../../core/clock.js';
import type { Endpoint } from '../../core/net.js';
import type { Random } from '../../core/random.js';
import type { ReliableUdpSocket } from '../../core/reliable-udp.js';
import type { Role } from '../../core/strategy.js';
import { type Check, CheckCodec, transactionIdLength } from './check-codec.js';

/** Pause between two checks of an attempt, in milliseconds (Ta of RFC 8445 §14, whose least is 5). */
export const paceMs = 20;
/** Pause between two checks of one pair, in milliseconds: NATs open within a round trip or two, the rest is patience. */
const pairPauseMs = 100;
/** Checks of one pair, and of all, the triggered ones included. */
export const maxChecksPerPair = 40;
export const maxChecks = 600;
/** Pairs beyond those that the candidates make: sources of valid checks that no candidate announced. */
export const maxPeerReflexive = 8;
/** Answers that one attempt gives in all: the peer's checks are capped alike. */
const maxAnswers = 1000;

/** A socket of ours and an address of the peer's. */
export interface Pair {
  readonly socket: ReliableUdpSocket;
  readonly remote: Endpoint;
}

export interface ChecksOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly role: Role;
  readonly secret: Uint8Array;
}

interface CheckedPair extends Pair {
  sent: number;
  /** When it may be checked again, on the clock. */
  due: number;
}

interface PendingCheck extends Pair {
  readonly nominates: boolean;
}

/**
 * Connectivity checks (RFC 8445 §7) of one attempt: paced, answered, and in the end settled on one pair, which the controlling end
 * nominates. A message that the other end of the attempt did not make has no effect and gets no answer.
 */
export class ConnectivityChecks {
  /** The pair that both ends settled on. Pending until there is one. */
  readonly nominated: Promise<Pair>;
  /** Aborts when a pair is known to work both ways (valid, RFC 8445 §7.2.5.3.2): from then on it is worth more than any guess. */
  readonly valid: AbortSignal;
  /** Requests sent so far, of every kind. */
  sent = 0;
  private readonly codec: CheckCodec;
  private readonly firstValid = new AbortController();
  private readonly pairs: CheckedPair[] = [];
  private readonly triggered: CheckedPair[] = [];
  private readonly pending = new Map<string, PendingCheck>();
  /** Each request counts once: what comes again was sent by someone else. */
  private readonly answered = new Set<string>();
  private peerReflexive = 0;
  private paced = 0;
  private chosen: CheckedPair | undefined;
  private settled: Pair | undefined;
  private settle: (pair: Pair) => void = () => {};
  private timer: Timer | undefined;

  constructor(private readonly options: ChecksOptions) {
    this.codec = new CheckCodec(options.secret, options.role);
    this.valid = this.firstValid.signal;
    this.nominated = new Promise((resolve) => {
      this.settle = resolve;
    });
  }

  /** Adds a pair to those that are checked in turn; one that is there already stays as it is. */
  add(socket: ReliableUdpSocket, remote: Endpoint): void {
    if (!this.find(socket, remote)) this.pairs.push({ socket, remote, sent: 0, due: this.options.clock.now() });
  }

  /** Begins to check. */
  start(): void {
    this.timer ??= this.options.clock.setTimer(0, () => this.tick());
  }

  /** Ends checking. Valid checks are still answered, for the peer may have missed the last answer. Idempotent. */
  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  /** Sends one check outside the turns. Who calls it answers for the pace. */
  probe(socket: ReliableUdpSocket, remote: Endpoint): void {
    this.request({ socket, remote, nominates: false });
  }

  /** A datagram came in. @param answer how it is answered where the socket is another's by now */
  receive(socket: ReliableUdpSocket, data: Buffer, remote: Endpoint, answer?: (data: Uint8Array) => void): void {
    const check = this.codec.decode(data);
    if (check?.type === 'request') this.onRequest({ socket, remote }, check, answer ?? ((each) => socket.send(each, remote)));
    else if (check) this.onResponse({ socket, remote }, check);
  }

  private onRequest(
    { socket, remote }: Pair,
    { transactionId, useCandidate }: Extract<Check, { type: 'request' }>,
    answer: (data: Uint8Array) => void,
  ): void {
    const id = transactionId.toString('hex');
    if (this.answered.has(id) || this.answered.size >= maxAnswers) return;
    if (this.settled && !isSame(this.settled, { socket, remote })) return;
    this.answered.add(id);
    answer(this.codec.encode({ type: 'response', transactionId, mapped: remote }));
    if (this.settled) return;
    const pair = this.find(socket, remote) ?? this.addPeerReflexive(socket, remote);
    if (useCandidate && this.options.role === 'controlled') this.settleOn({ socket, remote });
    // A triggered check (RFC 8445 §7.3.1.4): the way is open in one direction at least.
    else if (pair && !this.chosen && !this.triggered.includes(pair)) this.triggered.push(pair);
  }

  private onResponse(pair: Pair, { transactionId }: Extract<Check, { type: 'response' }>): void {
    const id = transactionId.toString('hex');
    const pending = this.pending.get(id);
    // An answer from elsewhere than the request went to tells of no usable way (RFC 8445 §7.2.5.2.1).
    if (!pending || !isSame(pending, pair) || this.settled) return;
    this.pending.delete(id);
    this.firstValid.abort();
    if (this.options.role === 'controlled') return;
    if (pending.nominates) {
      this.settleOn(pair);
    } else if (!this.chosen) {
      // The first pair that works both ways is the one with the least delay.
      this.chosen = this.find(pair.socket, pair.remote) ?? { ...pair, sent: 0, due: 0 };
      this.checkNow(this.chosen);
    }
  }

  private settleOn({ socket, remote }: Pair): void {
    this.settled = { socket, remote };
    this.stop();
    this.pending.clear();
    this.settle(this.settled);
  }

  private tick(): void {
    const { clock } = this.options;
    this.timer = clock.setTimer(paceMs, () => this.tick());
    const now = clock.now();
    if (this.chosen) {
      if (this.chosen.due <= now) this.checkNow(this.chosen);
      return;
    }
    if (this.paced >= maxChecks) return;
    const next = this.triggered.shift() ?? this.nextDue(now);
    if (next && next.sent < maxChecksPerPair) this.checkNow(next);
  }

  /** Of those whose turn it is, the one that waited longest. */
  private nextDue(now: number): CheckedPair | undefined {
    let next: CheckedPair | undefined;
    for (const pair of this.pairs) {
      if (pair.due <= now && pair.sent < maxChecksPerPair && (!next || pair.due < next.due)) next = pair;
    }
    return next;
  }

  private checkNow(pair: CheckedPair): void {
    pair.sent += 1;
    pair.due = this.options.clock.now() + pairPauseMs;
    this.paced += 1;
    this.request({ socket: pair.socket, remote: pair.remote, nominates: pair === this.chosen });
  }

  private request(check: PendingCheck): void {
    const transactionId = Buffer.from(this.options.random.bytes(transactionIdLength));
    this.pending.set(transactionId.toString('hex'), check);
    this.sent += 1;
    check.socket.send(this.codec.encode({ type: 'request', transactionId, useCandidate: check.nominates }), check.remote);
  }

  private find(socket: ReliableUdpSocket, remote: Endpoint): CheckedPair | undefined {
    return this.pairs.find((pair) => isSame(pair, { socket, remote }));
  }

  /** RFC 8445 §7.3.1.3. */
  private addPeerReflexive(socket: ReliableUdpSocket, remote: Endpoint): CheckedPair | undefined {
    if (this.peerReflexive >= maxPeerReflexive) return undefined;
    this.peerReflexive += 1;
    const pair = { socket, remote, sent: 0, due: this.options.clock.now() };
    this.pairs.push(pair);
    return pair;
  }
}

function isSame(a: Pair, b: Pair): boolean {
  return a.socket === b.socket && a.remote.port === b.remote.port && a.remote.address === b.remote.address;
}
