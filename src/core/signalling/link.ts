import { deriveSecret, randomLength } from '../attempt-secret.js';
import type { Clock } from '../clock.js';
import { withDeadline } from '../deadline.js';
import { type ErrorCode, errorCatalogue } from '../error-catalogue.js';
import { SignallingError, StrategyError } from '../errors.js';
import type { PeerRef } from '../events.js';
import type { Random } from '../random.js';
import type { Role } from '../strategy.js';
import { TokenBucket } from '../token-bucket.js';
import { AttemptConversation } from './attempt-conversation.js';
import { LinkGossip } from './link-gossip.js';
import { LinkServices } from './link-services.js';
import type { MessageStream } from './message-stream.js';
import type { Message, MessageOf } from './messages.js';

/** Attempts under way at once with one peer. */
const maxAttempts = 16;
/** How long the peer may take to answer an offer, or a ping, in milliseconds. */
const answerDeadlineMs = 10_000;
/** How often a peer is tried afresh because it says that it wants the bridge. */
const heldRate = { burst: 4, perSecond: 0.1 };
/** Pings that a measurement sends. */
const pingCount = 3;

export interface LinkIdentity {
  readonly peer: PeerRef;
  readonly role: Role;
  /** Our own key, 64 hex digits. */
  readonly ownKey: string;
  readonly agentVersion: string;
  /** What the peer's agent has enabled. */
  readonly strategies: readonly string[];
  /** What both agents do, of {@link feature}. */
  readonly features: readonly string[];
  /** Whether we dialled; with a shared port both ends may have. */
  readonly dialled: boolean;
  /** The peer said in hello that it wants this link and its bridge whatever goes over them. */
  readonly held: boolean;
  /** The peer wants this link for what we offer, whatever goes over it, and no bridge. */
  readonly visits: boolean;
}

/** An offer of the controlling end, to be accepted or refused at once. */
export interface AttemptOffer {
  readonly id: string;
  readonly strategy: string;
  accept(): AttemptConversation;
  refuse(code: ErrorCode, message: string): void;
}

/** What one ping shows. */
interface Echo {
  readonly rttMs: number;
  readonly clockAheadMs: number | undefined;
}

/** The conversation with one peer's agent, once both have said hello. */
export class SignallingLink {
  readonly services: LinkServices;
  readonly gossip: LinkGossip;
  /** Overlay round trip in milliseconds: the least of the last measurement. */
  rttMs = Number.POSITIVE_INFINITY;
  /** The peer's wall clock less ours in milliseconds, as good as half that round trip; undefined where its agent does not tell. */
  clockAheadMs: number | undefined;
  /** Called when a peer that had left something unanswered for too long is heard again: the overlay was away, and is back. */
  onRevived: (() => void) | undefined;
  /** Called when the peer has begun to want the bridge whatever goes over it. */
  onHeld: (() => void) | undefined;
  private heldNow: boolean;
  private readonly heldNews: TokenBucket;
  private silent = false;
  private onOffer: ((offer: AttemptOffer) => void) | undefined;
  /** Offers that came before anyone served them: the other end may be done with its greeting first. */
  private early: AttemptOffer[] = [];
  private readonly conversations = new Map<string, AttemptConversation>();
  private readonly offered = new Map<string, (answer: MessageOf<'accept'> | MessageOf<'refuse'>) => void>();
  private readonly pings = new Map<number, (peerTime: number | undefined) => void>();
  private readonly ended = new AbortController();
  private nextPing = 0;

  constructor(
    readonly identity: LinkIdentity,
    private readonly messages: MessageStream,
    private readonly clock: Clock,
    private readonly random: Random,
  ) {
    this.heldNow = identity.held;
    this.heldNews = new TokenBucket(clock, heldRate);
    const send = (message: Message) => messages.send(message);
    this.gossip = new LinkGossip(clock, send);
    this.services = new LinkServices({
      clock,
      send,
      within: (answer, signal, what) => this.within(answer, AbortSignal.any([signal, this.signal]), what),
    });
  }

  get peer(): PeerRef {
    return this.identity.peer;
  }

  /** Aborts when the link is gone; its reason is a SignallingError. */
  get signal(): AbortSignal {
    return this.ended.signal;
  }

  /** The stream underneath, for counting what signalling itself costs. */
  get stream() {
    return this.messages.stream;
  }

  /** Does the peer want this link and its bridge whatever goes over them? */
  get held(): boolean {
    return this.heldNow;
  }

  /** Tells the peer whether this end does. */
  hold(wanted: boolean): void {
    this.messages.send({ type: 'hold', wanted });
  }

  /** Measures the overlay's round trip with a few pings on their way at once. */
  async measure(): Promise<number> {
    this.rttMs = await this.roundTrip();
    return this.rttMs;
  }

  /** The least of a few round trips, in milliseconds, over whatever carries the router's traffic now. */
  async roundTrip(): Promise<number> {
    const echoes = await Promise.all(Array.from({ length: pingCount }, () => this.ping()));
    const nearest = echoes.reduce((least, echo) => (echo.rttMs < least.rttMs ? echo : least));
    this.clockAheadMs = nearest.clockAheadMs;
    return nearest.rttMs;
  }

  /** Offers an attempt. @returns the conversation once the peer has accepted @throws StrategyError with the peer's code when it refuses */
  async offer(strategy: string, signal: AbortSignal): Promise<AttemptConversation> {
    signal.throwIfAborted();
    const id = Buffer.from(this.random.bytes(16)).toString('hex');
    const ownRandom = this.random.bytes(randomLength);
    // The conversation begins in the very turn that reads the answer: its first data may be in the same chunk.
    const answer = new Promise<AttemptConversation>((resolve, reject) => {
      this.offered.set(id, (reply) => {
        if (reply.type === 'accept') resolve(this.begin(id, strategy, ownRandom, Buffer.from(reply.random, 'hex')));
        else reject(new StrategyError('PEER_REFUSED', `The peer refused ${strategy}: ${reply.message} (${reply.code}).`));
      });
    });
    try {
      this.messages.send({ type: 'attempt', id, strategy, random: Buffer.from(ownRandom).toString('hex') });
      return await this.within(answer, AbortSignal.any([signal, this.signal]), 'answer an offer');
    } catch (error) {
      if (!this.signal.aborted) this.withdraw(id);
      throw error;
    } finally {
      this.offered.delete(id);
    }
  }

  /** Hands the peer's offers, past and to come, to whoever serves them. */
  serve(onOffer: (offer: AttemptOffer) => void): void {
    this.onOffer = onOffer;
    for (const offer of this.early.splice(0)) onOffer(offer);
  }

  receive(message: Message): void {
    if (this.silent) {
      this.silent = false;
      this.onRevived?.();
    }
    switch (message.type) {
      case 'attempt':
        this.receiveOffer(message);
        break;
      case 'accept':
      case 'refuse':
        this.receiveAnswer(message);
        break;
      case 'data':
        this.conversations.get(message.id)?.deliver(message.payload);
        break;
      case 'end':
        this.early = this.early.filter(({ id }) => id !== message.id);
        this.conversations.get(message.id)?.finish(peerEnded(message));
        break;
      case 'services':
        this.services.receiveServices(message);
        break;
      case 'reached':
        this.services.receiveReached(message);
        break;
      case 'relay-request':
        this.services.receiveRequest(message);
        break;
      case 'relay-grant':
      case 'relay-refuse':
        this.services.receiveAnswer(message);
        break;
      case 'gossip':
        this.gossip.receive(message);
        break;
      case 'hold':
        this.heldNow = message.wanted;
        if (message.wanted && this.heldNews.take()) this.onHeld?.();
        break;
      case 'ping':
        this.messages.send({ type: 'pong', id: message.id, time: Math.round(this.clock.wallTime()) });
        break;
      case 'pong':
        this.pings.get(message.id)?.(message.time);
        break;
      case 'bye':
        this.finish(new SignallingError('PEER_LEFT', `The peer’s agent said bye: ${message.reason}`));
        this.messages.close();
        break;
      case 'hello':
        this.messages.close(new SignallingError('SIGNALLING_MALFORMED', 'The peer said hello twice.'));
        break;
    }
  }

  /** Says bye and closes. Idempotent. */
  bye(reason: string): void {
    if (this.signal.aborted) return;
    this.messages.send({ type: 'bye', reason });
    this.finish(new SignallingError('SIGNALLING_CLOSED', `This end said bye: ${reason}`));
    this.messages.close();
  }

  /**
   * Closes without a farewell, for a session that has ended: over the overlay a farewell, and the answers to it, would begin a
   * new one. Idempotent.
   */
  abandon(): void {
    this.finish(new SignallingError('SIGNALLING_CLOSED', 'This end let go: the session has ended.'));
    this.messages.abandon();
  }

  /** The stream underneath has ended. */
  finish(reason: SignallingError): void {
    if (this.signal.aborted) return;
    this.ended.abort(reason);
    for (const conversation of [...this.conversations.values()]) conversation.finish(reason);
  }

  private receiveOffer({ id, strategy, random }: MessageOf<'attempt'>): void {
    const refuse = (code: ErrorCode, message: string) => this.messages.send({ type: 'refuse', id, code, message });
    if (this.identity.role === 'controlling') refuse('NOT_CONTROLLED', 'the other end controls');
    else if (this.conversations.has(id)) refuse('ATTEMPT_DUPLICATE', 'an attempt of this id is under way');
    else if (this.conversations.size >= maxAttempts)
      refuse('ATTEMPTS_EXCEEDED', `more than ${maxAttempts} attempts are under way`);
    else {
      const offer: AttemptOffer = {
        id,
        strategy,
        refuse,
        accept: () => {
          const ownRandom = this.random.bytes(randomLength);
          const conversation = this.begin(id, strategy, Buffer.from(random, 'hex'), ownRandom);
          this.messages.send({ type: 'accept', id, random: Buffer.from(ownRandom).toString('hex') });
          return conversation;
        },
      };
      if (this.onOffer) this.onOffer(offer);
      else if (this.early.length < maxAttempts) this.early.push(offer);
      else refuse('PEER_BUSY', 'this peer is not being served now');
    }
  }

  private receiveAnswer(message: MessageOf<'accept'> | MessageOf<'refuse'>): void {
    const answered = this.offered.get(message.id);
    this.offered.delete(message.id);
    answered?.(message);
  }

  /** The peer must not go on alone, whether it has answered or hears of many such offers at once when the overlay is back. */
  private withdraw(id: string): void {
    const [code, message] = ['ATTEMPT_ABORTED', 'the offer was withdrawn'];
    const accepted = this.conversations.get(id);
    if (accepted) accepted.end(code, message);
    else if (this.offered.has(id)) this.messages.send({ type: 'end', id, code, message });
  }

  private begin(id: string, strategy: string, controllingRandom: Uint8Array, controlledRandom: Uint8Array): AttemptConversation {
    const { peer, ownKey, role } = this.identity;
    const [controllingKey, controlledKey] = role === 'controlling' ? [ownKey, peer.key] : [peer.key, ownKey];
    const secret = deriveSecret({ attempt: id, strategy, controllingKey, controlledKey, controllingRandom, controlledRandom });
    const conversation = new AttemptConversation(
      id,
      strategy,
      secret,
      (message) => this.messages.send(message),
      () => this.conversations.delete(id),
    );
    this.conversations.set(id, conversation);
    return conversation;
  }

  private ping(): Promise<Echo> {
    const id = this.nextPing++;
    const sentAt = this.clock.now();
    const answer = new Promise<Echo>((resolve) => {
      this.pings.set(id, (peerTime) => {
        const rttMs = this.clock.now() - sentAt;
        const clockAheadMs = peerTime === undefined ? undefined : Math.round(peerTime + rttMs / 2 - this.clock.wallTime());
        resolve({ rttMs, clockAheadMs });
      });
    });
    this.messages.send({ type: 'ping', id });
    return this.within(answer, this.signal, 'answer a ping').finally(() => this.pings.delete(id));
  }

  /** Waits for the peer, but not for ever. */
  private within<T>(answer: Promise<T>, signal: AbortSignal, what: string): Promise<T> {
    return withDeadline(answer, {
      clock: this.clock,
      timeoutMs: answerDeadlineMs,
      signal,
      expired: () => {
        this.silent = true;
        return new SignallingError('SIGNALLING_TIMEOUT', `The peer did not ${what} within ${answerDeadlineMs / 1000} s.`);
      },
    });
  }
}

/** What helps against the peer's reason helps this end as well. */
function peerEnded({ code, message }: MessageOf<'end'>): StrategyError {
  const known = Object.hasOwn(errorCatalogue, code) ? { help: errorCatalogue[code as ErrorCode].help } : {};
  return new StrategyError('PEER_ENDED', `The peer ended the attempt: ${message} (${code}).`, known);
}
