import type { InterfaceAddress } from '../core/net.js';
import { isOverlayAddress } from '../core/overlay-address.js';
import { Firewall, type FirewallBehaviour } from './firewall.js';
import type { HostLinks } from './host-links.js';
import { HostNet } from './host-net.js';
import type { IpRouter } from './ip-router.js';
import type { LineOptions } from './line.js';
import type { Port } from './link.js';
import type { Medium } from './medium.js';
import { MemoryFiles } from './memory-files.js';
import type { Overlay, OverlayNode } from './overlay.js';
import { isIPv6, type Packet, resetFor, type TcpPacket } from './packet.js';
import type { SeededRandom } from './seeded-random.js';
import type { LossCause, Statistics } from './statistics.js';
import { TcpStack } from './tcp-stack.js';
import { isWildcard, UdpStack } from './udp-stack.js';
import { UnixSockets } from './unix-sockets.js';
import type { VirtualClock } from './virtual-clock.js';

export interface HostOptions {
  readonly name: string;
  /** Line to its router. */
  readonly line?: LineOptions;
  /** Addresses of IPv4. @default 1 */
  readonly addresses?: number;
  /** It has an address of IPv6 too, which is public: IPv6 is not translated. @default false */
  readonly ipv6?: boolean;
  /** It has the addresses that its router is known by to the hosts there, so that it can serve them. @default false */
  readonly isGateway?: boolean;
  /** A stateful firewall on the host itself. @default none */
  readonly firewall?: FirewallBehaviour;
}

const loopback: readonly InterfaceAddress[] = [
  { name: 'lo', address: '127.0.0.1', family: 4, prefixLength: 8, internal: true },
  { name: 'lo', address: '::1', family: 6, prefixLength: 128, internal: true },
];

/** A machine with an interface, sockets, and nothing else. */
export class Host implements OverlayNode, HostLinks {
  readonly name: string;
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  /** What it dropped itself. */
  readonly statistics: Statistics;
  readonly udp: UdpStack;
  readonly tcp: TcpStack;
  readonly unix: UnixSockets;
  /** The sockets of its first program, as an agent gets them. */
  readonly net: HostNet;
  /** Its disk, which outlives its programs. */
  readonly files = new MemoryFiles();
  /** Towards its router. */
  readonly port: Port;
  private readonly firewall: Firewall | undefined;
  private own: readonly InterfaceAddress[] = [];

  constructor(
    private readonly medium: Medium,
    readonly router: IpRouter,
    readonly overlay: Overlay,
    private readonly options: HostOptions,
  ) {
    this.name = options.name;
    this.statistics = medium.newStatistics();
    this.clock = medium.clock;
    this.random = medium.random.fork(`host ${options.name}`);
    this.firewall = options.firewall && new Firewall(options.firewall);
    this.udp = new UdpStack(this);
    this.tcp = new TcpStack(this);
    this.unix = new UnixSockets(this);
    this.net = this.program();
    this.port = router.connect(this, options.line ?? {});
    if (options.isGateway) this.addAddress(router.subnet.router);
    else for (let count = 0; count < (options.addresses ?? 1); count++) this.addAddress(router.subnet.address());
  }

  get description(): string {
    return [this.addresses.join(', '), ...(this.firewall ? ['firewall'] : [])].join(', ');
  }

  /** Its addresses beyond the loopback's, IPv4 before IPv6, the overlay's left out. */
  get addresses(): readonly string[] {
    return this.own
      .flatMap(({ address }) => (isOverlayAddress(address) ? [] : [address]))
      .sort((a, b) => Number(isIPv6(a)) - Number(isIPv6(b)));
  }

  /** The first of them. */
  get address(): string {
    return this.addresses[0] ?? '';
  }

  get interfaces(): readonly InterfaceAddress[] {
    return [...loopback, ...this.own];
  }

  /** The sockets of one more program, which has a process id of its own. */
  program(): HostNet {
    return new HostNet(this, 1000 + this.medium.nextNumber('process'));
  }

  /** Joins the overlay by an address of its own. */
  joinOverlay(address: string): void {
    this.own = [...this.own, { name: 'tun0', address, family: 6, prefixLength: 7, internal: false }];
    this.overlay.attach(address, this);
  }

  /** Leaves the overlay without a word, as a machine does that loses its power. Idempotent. */
  leaveOverlay(): void {
    for (const { address } of this.own) this.overlay.detach(address);
    this.own = this.own.filter(({ address }) => !isOverlayAddress(address));
  }

  /** Gives it other addresses, as moving to another network does: what was connected breaks. */
  readdress(): void {
    for (const address of this.addresses) this.router.withdraw(address);
    this.own = this.own.filter(({ address }) => isOverlayAddress(address));
    this.addAddress(this.router.subnet.address());
  }

  send(packet: Packet): void {
    const { address } = packet.destination;
    if (this.isOwn(address)) this.clock.schedule(0, () => this.deliver(packet));
    else if (isOverlayAddress(address)) this.overlay.send(packet);
    else {
      this.firewall?.outbound(packet, this.clock.now());
      this.port.send(packet);
    }
  }

  receive(packet: Packet): void {
    if (!this.isOwn(packet.destination.address)) {
      this.drop(packet, 'no-route');
      return;
    }
    const { firewall } = this;
    if (!firewall || firewall.inbound(packet, this.clock.now())) {
      this.deliver(packet);
      return;
    }
    this.drop(packet, 'firewall');
    const reset = firewall.behaviour.unexpected === 'reset' && packet.protocol === 'tcp' && resetFor(packet as TcpPacket);
    if (reset) this.port.send(reset);
  }

  fromOverlay(packet: Packet): void {
    this.deliver(packet);
  }

  mayBind(address: string): boolean {
    return isWildcard(address) || this.isOwn(address);
  }

  sourceFor(destination: string, bound?: string): string | undefined {
    if (bound !== undefined && !isWildcard(bound)) return this.isOwn(bound) ? bound : undefined;
    if (this.isOwn(destination)) return destination;
    const overlay = isOverlayAddress(destination);
    return this.own.find(({ address }) => isOverlayAddress(address) === overlay && isIPv6(address) === isIPv6(destination))
      ?.address;
  }

  private deliver(packet: Packet): void {
    if (packet.protocol === 'tcp') this.tcp.receive(packet);
    else if (!this.udp.receive(packet)) this.drop(packet, 'port-closed');
  }

  private isOwn(address: string): boolean {
    return this.own.some((each) => each.address === address) || loopback.some((each) => each.address === address);
  }

  private addAddress({ ipv4, ipv6 }: { readonly ipv4: string; readonly ipv6: string }): void {
    const { prefixLength } = this.router.subnet;
    const added: InterfaceAddress[] = [
      { name: 'eth0', address: ipv4, family: 4, prefixLength: prefixLength.ipv4, internal: false },
      ...(this.options.ipv6
        ? [{ name: 'eth0', address: ipv6, family: 6 as const, prefixLength: prefixLength.ipv6, internal: false }]
        : []),
    ];
    this.own = [...this.own, ...added];
    for (const { address } of added) this.router.announce(address, this.port);
  }

  private drop(packet: Packet, cause: LossCause): void {
    this.statistics.lose(cause);
    this.medium.observe({ event: 'lost', from: this, to: undefined, packet, cause });
  }
}
