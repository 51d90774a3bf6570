import { AddressPlan, type Subnet } from './address-plan.js';
import { Firewall, type FirewallBehaviour } from './firewall.js';
import type { LineOptions } from './line.js';
import { type NetworkNode, Port } from './link.js';
import type { Medium } from './medium.js';
import { isMulticast, type Packet, resetFor, type TcpPacket } from './packet.js';
import type { LossCause, Statistics } from './statistics.js';

/** Which way a packet goes through a router: from its hosts towards the root, or back. */
export type Direction = 'outbound' | 'inbound' | 'local';

/** Lets a packet through, or not. */
export type PacketFilter = (packet: Packet, direction: Direction) => boolean;

export interface IpRouterOptions {
  readonly name: string;
  /** Line to the router above. */
  readonly uplink?: LineOptions;
  /** Filters what comes from above. @default none */
  readonly firewall?: FirewallBehaviour;
}

/** Forwards packets between its hosts and routers below, and the router above. The root has none above: it is the public network. */
export class IpRouter implements NetworkNode {
  readonly name: string;
  /** What it dropped itself; what its lines lost is counted there. */
  readonly statistics: Statistics;
  /** Routers and hosts below, in the order in which they were made. */
  readonly below: NetworkNode[] = [];
  readonly subnet: Subnet;
  /** Towards the router above. */
  readonly uplink: Port | undefined;
  private readonly routes = new Map<string, Port>();
  private readonly filters = new Set<PacketFilter>();
  private readonly firewall: Firewall | undefined;

  constructor(
    protected readonly medium: Medium,
    { name, uplink = {}, firewall }: IpRouterOptions,
    protected readonly parent?: IpRouter,
    readonly plan: AddressPlan = parent?.plan ?? AddressPlan.public(),
  ) {
    this.name = name;
    this.statistics = medium.newStatistics();
    this.subnet = plan.subnet();
    this.firewall = firewall && new Firewall(firewall);
    this.uplink = parent?.connect(this, uplink);
  }

  /** What is between the internet and its hosts, for people. */
  get description(): string {
    if (!this.parent) return 'the public network';
    return this.firewall ? 'router with a firewall' : 'router';
  }

  /** Links a node below. @returns the node's port */
  connect(node: NetworkNode, line: LineOptions): Port {
    const [, port] = Port.link(this, node, this.medium, line);
    this.below.push(node);
    return port;
  }

  /** Makes an address below known, up to the next NAT. @param port the node's */
  announce(address: string, port: Port): void {
    this.routes.set(address, port.opposite);
    if (this.parent && this.uplink && this.forwardsAnnouncement(address)) this.parent.announce(address, this.uplink);
  }

  /** Takes an address back. */
  withdraw(address: string): void {
    this.routes.delete(address);
    if (this.forwardsAnnouncement(address)) this.parent?.withdraw(address);
  }

  /** Adds a filter that sees every packet on its way through. @returns a function that takes it away */
  filter(filter: PacketFilter): () => void {
    this.filters.add(filter);
    return () => this.filters.delete(filter);
  }

  receive(packet: Packet, port: Port): void {
    if (packet.ttl <= 1) {
      this.drop(packet, 'ttl-exceeded');
      return;
    }
    // Groups end at the first router, which has no member on the other side.
    if (isMulticast(packet.destination.address)) {
      this.drop(packet, 'no-route');
      return;
    }
    const onward = { ...packet, ttl: packet.ttl - 1 };
    if (port === this.uplink) this.fromAbove(onward);
    else this.fromBelow(onward);
  }

  protected forwardsAnnouncement(_address: string): boolean {
    return true;
  }

  protected fromAbove(packet: Packet): void {
    if (!this.passesFirewall(packet)) return;
    this.deliver(packet, 'inbound');
  }

  protected fromBelow(packet: Packet): void {
    if (this.routes.has(packet.destination.address) || !this.uplink) this.deliver(packet, 'local');
    else this.toAbove(packet);
  }

  /** To the router above. */
  protected toAbove(packet: Packet): void {
    if (this.firewall?.behaviour.forwardsUdp === false && packet.protocol === 'udp') {
      this.drop(packet, 'firewall');
      return;
    }
    this.firewall?.outbound(packet, this.medium.clock.now());
    this.sendUp(packet);
  }

  protected sendUp(packet: Packet): void {
    if (this.admits(packet, 'outbound')) this.uplink?.send(packet);
  }

  /** To a host or router below. */
  protected deliver(packet: Packet, direction: Direction): void {
    if (!this.admits(packet, direction)) return;
    const port = this.routes.get(packet.destination.address);
    if (port) port.send(packet);
    else this.drop(packet, 'no-route');
  }

  protected passesFirewall(packet: Packet): boolean {
    const { firewall } = this;
    if (!firewall || firewall.inbound(packet, this.medium.clock.now())) return true;
    this.refuse(packet, 'firewall', firewall.behaviour.unexpected);
    return false;
  }

  /** Drops what nobody asked for, and says so where `answer` is `reset`. */
  protected refuse(packet: Packet, cause: LossCause, answer: 'drop' | 'reset' = 'drop'): void {
    this.drop(packet, cause);
    if (answer === 'drop' || packet.protocol !== 'tcp') return;
    const reset = resetFor(packet as TcpPacket);
    if (reset) this.uplink?.send(reset);
  }

  protected drop(packet: Packet, cause: LossCause): void {
    this.statistics.lose(cause);
    this.medium.observe({ event: 'lost', from: this, to: undefined, packet, cause });
  }

  private admits(packet: Packet, direction: Direction): boolean {
    for (const filter of this.filters) {
      if (filter(packet, direction)) continue;
      this.drop(packet, 'filtered');
      return false;
    }
    return true;
  }
}
