import type { Clock } from '../clock.js';
import type { GossipConversation, Hearsay } from '../gossip-links.js';
import { isServiceKind } from '../peer-services.js';
import { TokenBucket } from '../token-bucket.js';
import type { Message, MessageOf } from './messages.js';

/** Messages that a peer may tell in at once, and how many a second after that; it has something to say about once a minute. */
const rate = { burst: 4, perSecond: 1 / 15 };

/** What the two ends of a link tell each other of other agents. What comes faster than that is not looked at. */
export class LinkGossip implements GossipConversation {
  private listener: ((agents: readonly Hearsay[]) => void) | undefined;
  /** What came before anyone listened: the other end may be done with its greeting first. */
  private early: readonly Hearsay[] = [];
  private readonly allowance: TokenBucket;

  constructor(
    clock: Clock,
    private readonly send: (message: Message) => void,
  ) {
    this.allowance = new TokenBucket(clock, rate);
  }

  tell(agents: readonly Hearsay[]): void {
    const told = agents.map(({ key, offers, ageMs }) => ({ key, offers: [...offers], age: Math.floor(ageMs / 1000) }));
    this.send({ type: 'gossip', agents: told });
  }

  hearBy(listener: (agents: readonly Hearsay[]) => void): void {
    this.listener = listener;
    if (this.early.length > 0) listener(this.early);
    this.early = [];
  }

  receive({ agents }: MessageOf<'gossip'>): void {
    if (!this.allowance.take()) return;
    const told = agents.map(({ key, offers, age }) => ({ key, offers: offers.filter(isServiceKind), ageMs: age * 1000 }));
    if (this.listener) this.listener(told);
    else this.early = told;
  }
}
