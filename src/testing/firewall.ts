import type { NatBehaviour } from './nat-behaviour.js';
import { endpointKey, type Packet } from './packet.js';
import { SessionTable } from './session-table.js';

/** What of {@link NatBehaviour} a filter without translation has. */
export type FirewallBehaviour = Pick<NatBehaviour, 'filtering' | 'udpLifetimeMs' | 'refresh' | 'unexpected' | 'forwardsUdp'>;

/** A stateful firewall (RFC 6092 for IPv6): who was sent to may answer. */
export class Firewall {
  /** By protocol and inside endpoint. */
  private readonly tables = new Map<string, SessionTable>();

  constructor(readonly behaviour: FirewallBehaviour) {}

  outbound(packet: Packet, now: number): void {
    const key = `${packet.protocol} ${endpointKey(packet.source)}`;
    let table = this.tables.get(key);
    if (!table) {
      const { filtering = 'address-and-port-dependent', udpLifetimeMs = 120_000, refresh = 'outbound' } = this.behaviour;
      table = new SessionTable({ filtering, udpLifetimeMs, refresh });
      this.tables.set(key, table);
    }
    table.outbound(packet, now);
  }

  /** @returns whether it may come in */
  inbound(packet: Packet, now: number): boolean {
    return this.tables.get(`${packet.protocol} ${endpointKey(packet.destination)}`)?.inbound(packet, now) ?? false;
  }
}
