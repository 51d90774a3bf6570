import type { RelayUri } from './config/relay-uri.js';
import type { PeerRef } from './events.js';
import type { ServiceKind } from './peer-services.js';

/** Agents that one message tells of; one with more is no valid message. */
export const maxHearsay = 64;
/** Nobody tells of an agent that it met longer ago, in milliseconds. */
export const maxHearsayAgeMs = 24 * 3_600_000;

/** What one agent says of another that it has met. Where the other offers its services is for that one to tell. */
export interface Hearsay {
  /** Public key, 64 hex digits. */
  readonly key: string;
  readonly offers: readonly ServiceKind[];
  /** How long ago the teller was last linked with it, in milliseconds. */
  readonly ageMs: number;
}

/** One end of what two linked agents tell each other of others. */
export interface GossipConversation {
  /** At most {@link maxHearsay} agents at once, and as many relays as maxToldRelays. */
  tell(agents: readonly Hearsay[], relays?: readonly RelayUri[]): void;
  /** Hands over what the peer tells, from the link's beginning on. */
  hearBy(listener: (agents: readonly Hearsay[], relays: readonly RelayUri[]) => void): void;
}

/** A linked agent that gossips. */
export interface GossipLink {
  readonly peer: PeerRef;
  tell(agents: readonly Hearsay[], relays?: readonly RelayUri[]): void;
}

/** The links over which agents gossip: here meet signalling, which has them, and the discovery source that has something to say. */
export class GossipLinks {
  /** Set while this agent gossips: without, it neither tells nor listens, and says so in hello. */
  onHeard: ((from: PeerRef, agents: readonly Hearsay[], relays: readonly RelayUri[]) => void) | undefined;
  private readonly links = new Map<string, GossipLink>();

  get listens(): boolean {
    return this.onHeard !== undefined;
  }

  /** The newest last. */
  get current(): readonly GossipLink[] {
    return [...this.links.values()];
  }

  /** A link with another agent that gossips has come up; it ends with `signal`. */
  linkUp(peer: PeerRef, conversation: GossipConversation, signal: AbortSignal): void {
    const link: GossipLink = { peer, tell: (agents, relays) => conversation.tell(agents, relays) };
    this.links.delete(peer.key);
    this.links.set(peer.key, link);
    signal.addEventListener('abort', () => this.links.get(peer.key) === link && this.links.delete(peer.key), { once: true });
    conversation.hearBy((agents, relays) => this.onHeard?.(peer, agents, relays));
  }
}
