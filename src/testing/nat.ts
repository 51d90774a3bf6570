import type { Endpoint } from '../core/net.js';
import { IpRouter, type IpRouterOptions } from './ip-router.js';
import type { Medium } from './medium.js';
import type { NatBehaviour } from './nat-behaviour.js';
import { NatTable } from './nat-table.js';
import { isIPv6, type Packet } from './packet.js';

export interface NatOptions extends IpRouterOptions, NatBehaviour {
  /** Protocols by which hosts may have ports mapped. @default none */
  readonly maps?: readonly ('pcp' | 'nat-pmp' | 'upnp')[];
  /** Addresses inside: 192.168, or 100.64 (RFC 6598) for a carrier's. @default 'private' */
  readonly inside?: 'private' | 'carrier-grade';
}

/** A router that translates IPv4 addresses and ports (NAPT), and filters IPv6 as it filters IPv4. */
export class Nat extends IpRouter {
  readonly externalAddresses: readonly string[];
  private readonly table: NatTable;

  constructor(
    medium: Medium,
    private readonly options: NatOptions,
    parent: IpRouter,
  ) {
    const { name, uplink, inside = 'private' } = options;
    const { filtering, udpLifetimeMs, refresh, unexpected, forwardsUdp } = options;
    const firewall = Object.fromEntries(
      Object.entries({ filtering, udpLifetimeMs, refresh, unexpected, forwardsUdp }).filter(([, value]) => value !== undefined),
    );
    super(
      medium,
      { name, ...(uplink ? { uplink } : {}), firewall },
      parent,
      parent.plan.private(medium.nextNumber('realm'), inside),
    );
    this.externalAddresses = Array.from({ length: options.pool ?? 1 }, () => parent.subnet.address().ipv4);
    for (const address of this.externalAddresses) if (this.uplink) parent.announce(address, this.uplink);
    this.table = new NatTable(options, this.externalAddresses, medium.random.fork(`nat ${name}`));
  }

  override get description(): string {
    const { mapping, filtering, allocation, hairpinning, unexpected, forwardsUdp } = this.options;
    return [
      ...this.externalAddresses,
      'NAT',
      `${mapping ?? 'endpoint-independent'} mapping`,
      `${filtering ?? 'address-and-port-dependent'} filtering`,
      `${allocation ?? 'preserving'} ports`,
      ...(hairpinning ? ['hairpinning'] : []),
      ...(unexpected === 'reset' ? ['resets strangers'] : []),
      ...(forwardsUdp === false ? ['no UDP'] : []),
    ].join(', ');
  }

  /** Maps a port on request. @param lifetimeMs from now on; 0 takes it back. @returns the external endpoint; undefined when no port is left */
  map(protocol: Packet['protocol'], internal: Endpoint, suggested: number, lifetimeMs: number): Endpoint | undefined {
    const now = this.medium.clock.now();
    if (lifetimeMs > 0) return this.table.map(protocol, internal, suggested, now + lifetimeMs, now);
    this.table.unmap(protocol, internal);
    return { address: this.externalAddresses[0] ?? '', port: 0 };
  }

  /** Hosts and ports behind it that have a mapping made on request. */
  get requestedMappings(): readonly Endpoint[] {
    return this.table.requested(this.medium.clock.now());
  }

  /** Forgets every mapping, as a restart does. */
  restart(): void {
    this.table.clear();
  }

  protected override forwardsAnnouncement(address: string): boolean {
    return isIPv6(address);
  }

  protected override fromAbove(packet: Packet): void {
    if (isIPv6(packet.destination.address)) {
      super.fromAbove(packet);
      return;
    }
    this.translateIn(packet);
    return;
  }

  protected override fromBelow(packet: Packet): void {
    const { destination } = packet;
    if (isIPv6(destination.address) || !this.externalAddresses.includes(destination.address)) {
      super.fromBelow(packet);
      return;
    }
    const outside = this.options.hairpinning ? this.translateOut(packet) : undefined;
    if (outside) {
      this.translateIn(outside);
      return;
    }
    this.drop(packet, 'no-hairpin');
    return;
  }

  protected override toAbove(packet: Packet): void {
    if (isIPv6(packet.source.address)) {
      super.toAbove(packet);
      return;
    }
    if (this.options.forwardsUdp === false && packet.protocol === 'udp') {
      this.drop(packet, 'firewall');
      return;
    }
    const outside = this.translateOut(packet);
    if (outside) this.sendUp(outside);
    else this.drop(packet, 'nat-exhausted');
  }

  private translateOut(packet: Packet): Packet | undefined {
    const source = this.table.outbound(packet, this.medium.clock.now());
    return source && { ...packet, source };
  }

  private translateIn(packet: Packet): void {
    const destination = this.table.inbound(packet, this.medium.clock.now());
    if (typeof destination === 'object') this.deliver({ ...packet, destination }, 'inbound');
    else this.refuse(packet, 'nat-filtered', this.options.unexpected);
  }
}
