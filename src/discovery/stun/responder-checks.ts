import { describeError } from '../../core/errors.js';
import type { PeerRef } from '../../core/events.js';
import type { Endpoint } from '../../core/net.js';
import { News } from '../../core/news.js';
import type { KnownServices } from '../../core/peer-services.js';
import { isPublicAddress } from '../../core/reach.js';
import type { StrategyServices } from '../../core/strategy.js';
import { formatEndpoint } from '../candidates.js';
import { StunTransactions } from './stun-transactions.js';

/** How long a responder may take to answer, in milliseconds. */
const patienceMs = 2000;
/** Peers whose addresses are remembered; of more, the one whose bridge is the oldest is forgotten. */
const maxPeers = 64;

/**
 * Finds out for peers whether their STUN responders can be reached from outside, and tells them. It asks nowhere but at the address
 * that a direct path to the peer has led to, from a socket of its own, which no firewall or NAT there has seen before.
 */
export class ResponderChecks {
  private readonly addresses = new Map<string, string>();
  private readonly news: News;
  private readonly closing = new AbortController();

  constructor(
    private readonly services: Pick<StrategyServices, 'net' | 'clock' | 'random' | 'log'>,
    private readonly known: KnownServices,
  ) {
    this.news = new News(services.clock);
    known.learners.add((peer) => this.look(peer));
  }

  /** A direct path leads to the peer at this address. */
  met(peer: PeerRef, address: string): void {
    this.addresses.delete(peer.key);
    this.addresses.set(peer.key, address);
    const [oldest] = this.addresses.keys();
    if (this.addresses.size > maxPeers && oldest !== undefined) this.addresses.delete(oldest);
    this.look(peer);
  }

  /** Ends what is being asked. Idempotent. */
  close(): void {
    this.closing.abort(new Error('the agent is stopping'));
  }

  private look(peer: PeerRef): void {
    const address = this.addresses.get(peer.key);
    const port = this.known.by(peer.key)?.unconfirmed;
    if (address === undefined || port === undefined || !isPublicAddress(address) || this.closing.signal.aborted) return;
    if (this.news.isNew(peer.key)) void this.check(peer, { address, port });
  }

  /** Never rejects. */
  private async check(peer: PeerRef, place: Endpoint): Promise<void> {
    const { log } = this.services;
    const at = formatEndpoint(place);
    try {
      const seen = await this.ask(place);
      // Who is seen where the responder is came from behind the same NAT: that says nothing of others.
      if (seen.address === place.address) return;
      this.known.tellReached?.(peer, place);
      log.debug('stun.peer-reached', { peer, at });
    } catch (error) {
      log.debug('stun.peer-not-reached', { peer, at, ...describeError(error) });
    }
  }

  private async ask(place: Endpoint): Promise<Endpoint> {
    const { net, clock, random } = this.services;
    const local = { address: '0.0.0.0', port: 0 };
    const socket = await net.bindUdp({ local, onMessage: (data, from) => void transactions.receive(data, from) });
    const transactions = new StunTransactions({ clock, random, send: (data, to) => socket.send(data, to) });
    try {
      return (await transactions.bind(place, { timeoutMs: patienceMs, signal: this.closing.signal })).mapped;
    } finally {
      await socket.close();
    }
  }
}
