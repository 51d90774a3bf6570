import { inject, injectable } from 'tsyringe';
import { StrategyError } from '../errors.js';
import type { EventSource, PeerRef } from '../events.js';
import type { GossipLinks } from '../gossip-links.js';
import type { KnownServices, OfferedServices } from '../peer-services.js';
import type { RelayTickets } from '../relay-tickets.js';
import { tokens } from '../tokens.js';
import type { SignallingLink } from './link.js';
import { feature } from './messages.js';
import { SignallingLinks } from './signalling-links.js';

/**
 * What linked agents do for each other: joins each link with those in this process who offer a service, use one or gossip, who know
 * nothing of links.
 */
@injectable()
export class ServiceExchange {
  constructor(
    @inject(SignallingLinks) private readonly links: SignallingLinks,
    @inject(tokens.offeredServices) private readonly offered: OfferedServices,
    @inject(tokens.knownServices) private readonly known: KnownServices,
    @inject(tokens.relayTickets) private readonly relayTickets: RelayTickets,
    @inject(tokens.gossip) private readonly gossip: GossipLinks,
    @inject(tokens.events) private readonly events: EventSource,
  ) {
    relayTickets.ask = (peer, signal) => this.askRelay(peer, signal);
    known.tellReached = (peer, place) => links.with(peer.key)?.services.tellReached(place);
    offered.onChange = (services) => {
      for (const link of links.all) link.services.tell(services);
    };
  }

  /** What this agent says of it in hello. */
  get features(): readonly string[] {
    return this.gossip.listens ? [feature.gossip] : [];
  }

  /** A link is ready; an older one with the same peer has ended before. */
  linkUp(link: SignallingLink): void {
    const { peer, services, signal } = link;
    this.known.linkUp(peer);
    signal.addEventListener('abort', () => this.known.linkDown(peer), { once: true });
    services.grantBy(() => this.grantRelay(peer));
    services.onReached = (place) => this.offered.onReached?.(place);
    services.tell(this.offered.current);
    services.keepBy((told) => {
      if (signal.aborted) return;
      this.known.learn(peer, told);
      this.events.publish('services.heard', { peer, ...told });
    });
    if (link.identity.features.includes(feature.gossip)) this.gossip.linkUp(peer, link.gossip, signal);
  }

  private async askRelay(peer: PeerRef, signal: AbortSignal): Promise<string> {
    const link = this.links.with(peer.key);
    if (!link) throw new StrategyError('RELAY_NOT_ALLOWED', `There is no link with ${peer.address} to ask for its relay.`);
    return link.services.askRelay(signal);
  }

  private grantRelay(peer: PeerRef): string {
    const { grant } = this.relayTickets;
    if (!grant) throw new StrategyError('RELAY_NOT_ALLOWED', 'This agent does not relay.');
    return grant(peer);
  }
}
