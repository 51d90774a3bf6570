import type { Clock } from '../clock.js';
import type { RelayUri } from '../config/relay-uri.js';
import type { GossipConversation, Hearsay } from '../gossip-links.js';
import { isServiceKind } from '../peer-services.js';
import { TokenBucket } from '../token-bucket.js';
import type { Message, MessageOf } from './messages.js';

/** Messages that a peer may tell in at once, and how many a second after that; it has something to say about once a minute. */
const rate = { burst: 4, perSecond: 1 / 15 };

/** What the two ends of a link tell each other of other agents. What comes faster than that is not looked at. */
export class LinkGossip implements GossipConversation {
  private listener: Parameters<GossipConversation['hearBy']>[0] | undefined;
  /** What came before anyone listened: the other end may be done with its greeting first. */
  private early: { readonly agents: readonly Hearsay[]; readonly relays: readonly RelayUri[] } | undefined;
  private readonly allowance: TokenBucket;

  constructor(
    clock: Clock,
    private readonly send: (message: Message) => void,
  ) {
    this.allowance = new TokenBucket(clock, rate);
  }

  tell(agents: readonly Hearsay[], relays: readonly RelayUri[] = []): void {
    const told = agents.map(({ key, offers, ageMs }) => ({ key, offers: [...offers], age: Math.floor(ageMs / 1000) }));
    this.send({ type: 'gossip', agents: told, relays: [...relays] });
  }

  hearBy(listener: Parameters<GossipConversation['hearBy']>[0]): void {
    this.listener = listener;
    if (this.early) listener(this.early.agents, this.early.relays);
    this.early = undefined;
  }

  receive({ agents, relays }: MessageOf<'gossip'>): void {
    if (!this.allowance.take()) return;
    const told = agents.map(({ key, offers, age }) => ({ key, offers: offers.filter(isServiceKind), ageMs: age * 1000 }));
    if (this.listener) this.listener(told, relays);
    else this.early = { agents: told, relays };
  }
}
