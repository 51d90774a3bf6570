import type { Endpoint } from '../core/net.js';
import type { NatBehaviour } from './nat-behaviour.js';
import { endpointKey, type Packet, sameEndpoint } from './packet.js';
import type { SeededRandom } from './seeded-random.js';
import { type SessionOptions, SessionTable } from './session-table.js';

type Protocol = Packet['protocol'];

/** RFC 4787 REQ-3: ports of dynamic mappings stay clear of the well-known ones. */
const ports = { first: 1024, last: 65_535 };
/** Random ports that are tried before a NAT counts as exhausted. */
const maxTries = 1000;
/** Mappings from which on those that are over are looked for. */
const firstSweep = 64;

interface Mapping {
  readonly internal: Endpoint;
  readonly external: Endpoint;
  readonly sessions: SessionTable;
  /** Made on request: lets anyone in, until this time on the clock. */
  fixedUntil: number;
  readonly forget: () => void;
}

/** The mappings of a NAT: which external endpoint stands for which internal one, and who may use it. Knows no network. */
export class NatTable {
  private readonly byInternal = new Map<string, Mapping>();
  private readonly byExternal = new Map<string, Set<Mapping>>();
  private readonly lastPorts = new Map<string, number>();
  private readonly session: SessionOptions;
  private sweepAt = firstSweep;

  constructor(
    private readonly behaviour: NatBehaviour,
    private readonly externalAddresses: readonly string[],
    private readonly random: SeededRandom,
  ) {
    const { filtering = 'address-and-port-dependent', udpLifetimeMs = 120_000, refresh = 'outbound' } = behaviour;
    this.session = { filtering, udpLifetimeMs, refresh };
  }

  /** @returns the external source of a packet on its way out; undefined when no port is left */
  outbound(packet: Packet, now: number): Endpoint | undefined {
    const { protocol, source, destination } = packet;
    const mapping = this.mappingFor(protocol, source, destination, now);
    mapping?.sessions.outbound(packet, now);
    return mapping?.external;
  }

  /** @returns the internal destination of a packet from outside, or why it has none */
  inbound(packet: Packet, now: number): Endpoint | 'unmapped' | 'filtered' {
    const key = `${packet.protocol} ${endpointKey(packet.destination)}`;
    const live = [...(this.byExternal.get(key) ?? [])].filter((mapping) => !this.isOver(mapping, now));
    // Where several share a port, the one that has sent to this remote comes first.
    live.sort((a, b) => Number(b.sessions.knows(packet.source, now)) - Number(a.sessions.knows(packet.source, now)));
    const taker = live.find(({ sessions, fixedUntil }) => sessions.inbound(packet, now) || fixedUntil > now);
    return taker?.internal ?? (live.length > 0 ? 'filtered' : 'unmapped');
  }

  /** Maps a port on request (RFC 6887 §11), the suggested one if it is free. @returns the external endpoint; undefined when none is left */
  map(protocol: Protocol, internal: Endpoint, suggested: number, until: number, now: number): Endpoint | undefined {
    const key = `${protocol} ${endpointKey(internal)} fixed`;
    const known = this.byInternal.get(key);
    if (known && !this.isOver(known, now)) {
      known.fixedUntil = until;
      return known.external;
    }
    const [address = ''] = this.externalAddresses;
    const wanted = { address, port: suggested };
    const external =
      suggested > 0 && this.isFree(protocol, wanted, internal, undefined, now) ? wanted : this.randomPort(protocol, address, now);
    if (external) this.add(protocol, key, internal, external, now).fixedUntil = until;
    return external;
  }

  /** Takes back what {@link map} made. */
  unmap(protocol: Protocol, internal: Endpoint): void {
    this.byInternal.get(`${protocol} ${endpointKey(internal)} fixed`)?.forget();
  }

  /** What {@link map} made and nobody took back yet: the internal endpoints. */
  requested(now: number): Endpoint[] {
    return [...this.byInternal.values()].flatMap(({ internal, fixedUntil }) => (fixedUntil > now ? [internal] : []));
  }

  /** The NAT restarts: everything is forgotten. */
  clear(): void {
    this.byInternal.clear();
    this.byExternal.clear();
  }

  private mappingFor(protocol: Protocol, internal: Endpoint, remote: Endpoint, now: number): Mapping | undefined {
    const fixed = this.byInternal.get(`${protocol} ${endpointKey(internal)} fixed`);
    if (fixed && !this.isOver(fixed, now)) return fixed;
    const key = `${protocol} ${endpointKey(internal)} ${this.scopeOf(remote)}`;
    const known = this.byInternal.get(key);
    if (known && !this.isOver(known, now)) return known;
    known?.forget();
    const external = this.allocate(protocol, internal, remote, now);
    return external && this.add(protocol, key, internal, external, now);
  }

  /** RFC 4787 §4.1: destinations of one scope share a mapping. */
  private scopeOf(remote: Endpoint): string {
    const { mapping = 'endpoint-independent' } = this.behaviour;
    if (mapping === 'endpoint-independent') return '';
    return mapping === 'address-dependent' ? remote.address : endpointKey(remote);
  }

  private allocate(protocol: Protocol, internal: Endpoint, remote: Endpoint, now: number): Endpoint | undefined {
    const { allocation = 'preserving' } = this.behaviour;
    const address = this.externalAddressFor(internal);
    if (allocation === 'sequential') return this.nextPort(protocol, address, now);
    const same = { address, port: internal.port };
    if (allocation === 'preserving' && this.isFree(protocol, same, internal, remote, now)) return same;
    return this.randomPort(protocol, address, now);
  }

  private externalAddressFor(internal: Endpoint): string {
    const { externalAddresses: all } = this;
    const arbitrary = this.behaviour.pooling === 'arbitrary';
    const index = arbitrary ? this.random.integer(0, all.length - 1) : Number(internal.address.split('.').at(-1));
    return all[index % all.length] ?? '';
  }

  private nextPort(protocol: Protocol, address: string, now: number): Endpoint | undefined {
    const place = `${protocol} ${address}`;
    let port = this.lastPorts.get(place) ?? this.random.integer(ports.first, ports.last);
    for (let tries = 0; tries < maxTries; tries++) {
      port = port >= ports.last ? ports.first : port + 1;
      this.lastPorts.set(place, port);
      if (this.isFree(protocol, { address, port }, undefined, undefined, now)) return { address, port };
    }
    return undefined;
  }

  private randomPort(protocol: Protocol, address: string, now: number): Endpoint | undefined {
    for (let tries = 0; tries < maxTries; tries++) {
      const external = { address, port: this.random.integer(ports.first, ports.last) };
      if (this.isFree(protocol, external, undefined, undefined, now)) return external;
    }
    return undefined;
  }

  /** A NAT that preserves ports gives one port to one internal endpoint for any number of remotes: replies tell them apart. */
  private isFree(
    protocol: Protocol,
    external: Endpoint,
    internal: Endpoint | undefined,
    remote: Endpoint | undefined,
    now: number,
  ): boolean {
    const holders = this.byExternal.get(`${protocol} ${endpointKey(external)}`);
    for (const holder of holders ? [...holders] : []) {
      if (this.isOver(holder, now)) holder.forget();
      else if (!internal || !sameEndpoint(holder.internal, internal)) return false;
      else if (!remote || holder.fixedUntil > now) return false;
    }
    return true;
  }

  private add(protocol: Protocol, key: string, internal: Endpoint, external: Endpoint, now: number): Mapping {
    if (this.byInternal.size >= this.sweepAt) this.sweep(now);
    const place = `${protocol} ${endpointKey(external)}`;
    const mapping: Mapping = {
      internal,
      external,
      sessions: new SessionTable(this.session),
      fixedUntil: 0,
      forget: () => {
        this.byInternal.delete(key);
        const holders = this.byExternal.get(place);
        holders?.delete(mapping);
        if (holders?.size === 0) this.byExternal.delete(place);
      },
    };
    this.byInternal.set(key, mapping);
    this.byExternal.set(place, (this.byExternal.get(place) ?? new Set()).add(mapping));
    return mapping;
  }

  /** Forgets what nobody has used for too long. */
  private sweep(now: number): void {
    for (const mapping of this.byInternal.values()) if (this.isOver(mapping, now)) mapping.forget();
    this.sweepAt = Math.max(firstSweep, 2 * this.byInternal.size);
  }

  private isOver({ sessions, fixedUntil }: Mapping, now: number): boolean {
    return sessions.expires <= now && fixedUntil <= now;
  }
}
