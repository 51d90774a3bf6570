import type { PeerRef } from './events.js';
import type { Endpoint } from './net.js';
import { isPublicAddress } from './reach.js';

/** What agents do for each other: `stun` answers Binding requests, `relay` relays. */
export type ServiceKind = 'stun' | 'relay';

export function isServiceKind(name: string): name is ServiceKind {
  return name === 'stun' || name === 'relay';
}

/** The transport addresses at which an agent offers each service. */
export interface Services extends Readonly<Record<ServiceKind, readonly Endpoint[]>> {
  /** Port at which it answers STUN without knowing whether the internet can reach it: for a peer to find out and to say so. */
  readonly unconfirmed?: number | undefined;
}

export interface KnownService {
  readonly peer: PeerRef;
  readonly endpoint: Endpoint;
}

/** Addresses that one agent may name for a service; more are not looked at. */
export const maxServiceEndpoints = 8;

/** What this agent offers its peers. Whoever provides a service says so here, and signalling tells. */
export class OfferedServices {
  /** Called after each change. */
  onChange: ((services: Services) => void) | undefined;
  /** Called when a peer says that it was answered there, which is its word alone. */
  onReached: ((place: Endpoint) => void) | undefined;
  private services: Services = nothing;

  get current(): Services {
    return this.services;
  }

  /** Replaces what is offered of one kind; none takes the offer back. Idempotent. */
  offer(kind: ServiceKind, endpoints: readonly Endpoint[]): void {
    const offered = endpoints.slice(0, maxServiceEndpoints);
    const before = this.services[kind];
    const same = ({ address, port }: Endpoint, index: number) =>
      before[index]?.address === address && before[index].port === port;
    if (offered.length === before.length && offered.every(same)) return;
    this.change({ ...this.services, [kind]: offered });
  }

  /** Has peers find out whether this port can be reached; undefined when there is nothing to find out. Idempotent. */
  askAbout(port: number | undefined): void {
    if (port !== this.services.unconfirmed) this.change({ ...this.services, unconfirmed: port });
  }

  private change(services: Services): void {
    this.services = services;
    this.onChange?.(services);
  }
}

/**
 * What linked peers offer. It is their word, and harmless: whoever uses a service asks at the address and believes only an
 * answer. Addresses that do not lead to the internet are left out, for nothing that they could tell or carry is of use beyond.
 */
export class KnownServices {
  /** Called with what has been learnt, less the addresses that were left out. */
  readonly learners = new Set<(peer: PeerRef, services: Services) => void>();
  /** Tells a linked peer where it was reached; set by signalling. */
  tellReached: ((peer: PeerRef, place: Endpoint) => void) | undefined;
  /** When somebody last wanted to know who relays, on the agent's clock, in milliseconds. */
  relaysAskedForAt = Number.NEGATIVE_INFINITY;
  /** By key, the oldest link first. */
  private readonly peers = new Map<string, Known>();

  /** A link has come up: nothing is known of its peer yet. */
  linkUp(peer: PeerRef): void {
    this.peers.delete(peer.key);
    this.peers.set(peer.key, { peer, services: nothing, offers: [] });
  }

  /** What a linked peer offers from now on. */
  learn(peer: PeerRef, services: Services): void {
    const known = this.peers.get(peer.key);
    if (!known) return;
    const { stun, relay, unconfirmed = 0 } = services;
    known.services = { stun: usable(stun), relay: usable(relay), ...(unconfirmed >= lowestPort ? { unconfirmed } : {}) };
    known.offers = kinds.filter((kind) => known.services[kind].length > 0);
    for (const learn of this.learners) learn(peer, known.services);
  }

  linkDown(peer: PeerRef): void {
    this.peers.delete(peer.key);
  }

  /** What a linked peer offers; undefined where there is no link. */
  by(key: string): Services | undefined {
    return this.peers.get(key)?.services;
  }

  /** Those of the newest links first. */
  of(kind: ServiceKind): readonly KnownService[] {
    const newestFirst = [...this.peers.values()].reverse();
    return newestFirst.flatMap(({ peer, services }) => services[kind].map((endpoint) => ({ peer, endpoint })));
  }

  /** What a peer offers, the same array until that changes; undefined for one that is not linked. */
  offersOf(key: string): readonly ServiceKind[] | undefined {
    return this.peers.get(key)?.offers;
  }
}

interface Known {
  readonly peer: PeerRef;
  services: Services;
  offers: readonly ServiceKind[];
}

const kinds: readonly ServiceKind[] = ['stun', 'relay'];
const nothing: Services = { stun: [], relay: [] };
/** Services of agents are on ports that need no privilege; a peer may not send us to any other. */
const lowestPort = 1024;

function usable(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  return endpoints.filter(({ address, port }) => port >= lowestPort && isPublicAddress(address)).slice(0, maxServiceEndpoints);
}
