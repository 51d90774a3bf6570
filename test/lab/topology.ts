import {
  firewallRuleset,
  type MappingProtocolName,
  type NatKind,
  type NatKindName,
  type NatRouter,
  natKinds,
  natRuleset,
} from './nat-kinds.js';
import { NetworkScript } from './network-script.js';

export type Site = 'a' | 'b';
export const sites: readonly Site[] = ['a', 'b'];

/** A line to the public network; every number holds for each direction on its own. */
export interface Link {
  /** One way, in milliseconds. */
  readonly delayMs: number;
  /** 0 to 1. @default 0 */
  readonly loss?: number;
  /** @default unlimited */
  readonly kbitPerSecond?: number;
  /** Bytes that wait for a limited rate before more are dropped. @default 1 MiB */
  readonly queueBytes?: number;
  /** What some packets take besides, by the IPv4 addresses they have on this line. @default none */
  readonly flows?: readonly { readonly from: string; readonly to: string; readonly delayMs: number }[];
}

/** Both hosts behind one router: in one network, or in two that it forwards nothing between but what went out and comes back in. */
export type Sharing = 'network' | 'hairpin';

export interface TopologyOptions {
  readonly a: NatKindName;
  readonly b: NatKindName;
  /** Lines of the two sites and of the public peer. Without any, packets pass as fast as the kernel hands them over. */
  readonly links?: { readonly [node in LinkLine]?: Link | undefined } | undefined;
  /** A third host, on the public network. @default false */
  readonly third?: boolean;
  /** Puts both hosts behind the routers of a's kind. */
  readonly sharing?: Sharing | undefined;
  /** Another network that host a is in reach of, behind a NAT of this kind, and can go over to. */
  readonly other?: NatKindName | undefined;
}

/** Address of the public peer; STUN and TURN answer on both (RFC 5780 wants two). */
export const publicAddresses = ['20.0.9.2', '20.0.9.3'] as const;
/** The public peer's other address, for hosts without IPv4. */
export const publicIpv6Address = '2a00:20:9::2';

/** Address of the third host. */
export const thirdAddress = '20.0.3.2';

/** Lines that may be given a delay: of the sites, of the third host and of the public peer. */
export type LinkLine = Site | 'c' | 'p';
/** A node's line to the core: one of those, or that of the network that host a can go over to. */
type Line = LinkLine | 'o';
const subnets = { a: 1, b: 2, c: 3, o: 4, p: 9 } as const;

export interface Topology {
  /** A shell script that builds it, to be run inside Namespaces. */
  readonly script: string;
  /** Arguments of the link emulator, to be run in the namespace `em`; undefined when there are no links to emulate. */
  readonly emulator: readonly string[] | undefined;
  /** A host's own address, private or public. */
  readonly addresses: Readonly<Record<Site, string>>;
  /** Routers that map ports. */
  readonly gateways: readonly GatewayPlan[];
}

/** A router that maps ports for what is behind it. */
export interface GatewayPlan {
  /** Its node, such as `ra`. */
  readonly node: string;
  readonly maps: readonly MappingProtocolName[];
  /** Its address on the side of the public network. */
  readonly external: string;
  /** What is behind it, as a CIDR block. */
  readonly inside: string;
}

/**
 * Two hosts (`ha`, `hb`), each behind the routers of its NAT kind (`ra`, and `qa` inside it), a public peer (`p`) and,
 * if wanted, a third host without a NAT (`hc`), all joined by `core`; with links, through `em`. A node's side towards the public network is `wan`, the other is `lan`.
 */
export function planTopology({ a, b, links, third = false, sharing, other }: TopologyOptions): Topology {
  const plan = new Plan(links);
  const addresses = sharing ? plan.sharedSite(a, sharing) : { a: plan.site('a', a), b: plan.site('b', b) };
  if (third) plan.thirdHost();
  if (other) plan.otherNetwork(other);
  return { script: String(plan.script), emulator: plan.emulator, addresses, gateways: plan.gateways };
}

/** A router looks for its neighbours from a link-local address, which it otherwise has after a second or two (RFC 4862 §5.4). */
const forwardsIpv6 = `cd /proc/sys/net/ipv6/conf; echo 1 > all/forwarding; for device in *; do echo 0 > $device/accept_dad; done`;

class Plan {
  readonly script: NetworkScript;
  /** Arguments of the link emulator so far. */
  readonly emulator: string[] | undefined;
  readonly gateways: GatewayPlan[] = [];

  constructor(private readonly links: TopologyOptions['links']) {
    this.emulator = links && [];
    const script = new NetworkScript(links !== undefined);
    this.script = script;
    if (links) {
      script.node('em');
      // Nothing may speak on the lines but what they join.
      script.inside('em', 'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6');
    }
    script.node('core', { forwards: true });
    script.inside('core', forwardsIpv6);
    script.rules(
      'core',
      'table inet lab {\n  chain forward {\n    type filter hook forward priority filter; policy accept;\n  }\n}',
    );
    script.node('p');
    this.uplink('p', 'p');
    script.address('p', 'wan', `${publicAddresses[1]}/24`);
    this.uplinkAddresses('p', 'p', 6);
  }

  /** @returns the host's address */
  site(site: Site, kindName: NatKindName): string {
    const kind = natKinds[kindName];
    if (kind.families === 6) return this.ipv6Site(site, kind);
    const subnet = subnets[site];
    const host = `h${site}`;
    const isPublic = kind.routers.length === 0;
    const address = isPublic ? `20.0.${subnet}.2` : `192.168.${subnet}.2`;
    const router = this.routers(site, kind.routers, address);
    this.script.node(host);
    if (isPublic) this.uplink(host, site);
    else this.join({ router, device: 'lan', gateway: `192.168.${subnet}.1` }, { node: host, device: 'wan', address });
    if (kind.host !== undefined) this.script.rules(host, kind.host);
    if (kind.families === 'both') this.ipv6Addresses(site);
    return address;
  }

  /** Both hosts behind the routers of line a. @returns the hosts' addresses */
  sharedSite(kindName: NatKindName, sharing: Sharing): Readonly<Record<Site, string>> {
    const addresses = { a: '192.168.1.2', b: sharing === 'network' ? '192.168.1.3' : '192.168.2.2' };
    const router = this.routers('a', natKinds[kindName].routers, addresses.a);
    for (const site of sites) this.script.node(`h${site}`);
    if (sharing === 'hairpin') {
      this.join({ router, device: 'lan', gateway: '192.168.1.1' }, { node: 'ha', device: 'wan', address: addresses.a });
      this.join({ router, device: 'lan2', gateway: '192.168.2.1' }, { node: 'hb', device: 'wan', address: addresses.b });
      this.script.rules(router, hairpinRuleset('20.0.1.2', addresses));
      return addresses;
    }
    this.script.set(router, 'link add lan type bridge');
    this.script.set(router, 'link set lan up');
    this.script.address(router, 'lan', '192.168.1.1/24');
    for (const site of sites) {
      this.script.wire(router, `port${site}`, `h${site}`, 'wan');
      this.script.set(router, `link set port${site} master lan`);
      this.script.address(`h${site}`, 'wan', `${addresses[site]}/24`);
      this.script.set(`h${site}`, 'route add default via 192.168.1.1');
    }
    return addresses;
  }

  thirdHost(): void {
    this.script.node('hc');
    this.uplink('hc', 'c');
  }

  /** Host a's second interface, `wlan`, is down until it goes over. */
  otherNetwork(kindName: NatKindName): void {
    const router = this.routers('o', natKinds[kindName].routers, '192.168.4.2');
    this.script.wire(router, 'lan', 'ha', 'wlan');
    this.script.address(router, 'lan', '192.168.4.1/24');
    this.script.set('ha', 'link set wlan down');
  }

  /** @returns the innermost router of a line, to which hosts are joined */
  private routers(line: Site | 'o', routers: readonly NatRouter[], address: string): string {
    const subnet = subnets[line];
    let outside = '';
    for (const [depth, router] of routers.entries()) {
      const name = `${'rq'[depth]}${line}`;
      const innermost = depth === routers.length - 1;
      this.script.node(name, { forwards: true });
      this.script.rules(name, natRuleset(router, innermost ? address : '100.64.0.2'));
      for (const setting of router.udpLifetimeSeconds ? ['udp_timeout', 'udp_timeout_stream'] : [])
        this.script.inside(name, `echo ${router.udpLifetimeSeconds} > /proc/sys/net/netfilter/nf_conntrack_${setting}`);
      if (router.maps !== undefined) {
        const external = depth === 0 ? `20.0.${subnet}.2` : '100.64.0.2';
        const inside = innermost ? `192.168.${subnet}.0/24` : '100.64.0.0/24';
        this.gateways.push({ node: name, maps: router.maps, external, inside });
      }
      if (depth === 0) this.uplink(name, line);
      else
        this.join(
          { router: outside, device: 'lan', gateway: '100.64.0.1' },
          { node: name, device: 'wan', address: '100.64.0.2' },
        );
      outside = name;
    }
    return outside;
  }

  /** @returns the host's address */
  private ipv6Site(site: Site, kind: NatKind): string {
    const [router, host, subnet] = [`r${site}`, `h${site}`, subnets[site]];
    this.script.node(router);
    this.script.rules(router, firewallRuleset(kind));
    this.wireUp(router, site);
    this.script.node(host);
    this.script.wire(router, 'lan', host, 'wan');
    if (kind.pinholes) {
      // miniupnpd does not start without IPv4 on both sides; nothing of it leads anywhere.
      this.script.address(router, 'lan', `192.168.${subnet}.1/24`);
      this.gateways.push({ node: router, maps: ['pcp'], external: `20.0.${subnet}.2`, inside: `192.168.${subnet}.0/24` });
    }
    return this.ipv6Addresses(site);
  }

  /** @returns the host's */
  private ipv6Addresses(site: Site): string {
    const { script } = this;
    const [router, host, prefix] = [`r${site}`, `h${site}`, `2a00:20:${subnets[site]}`];
    script.inside(router, forwardsIpv6);
    this.uplinkAddresses(router, site, 6);
    script.set('core', `route add ${prefix}:1::/64 via ${prefix}::2`);
    script.address(router, 'lan', `${prefix}:1::1/64`);
    script.address(host, 'wan', `${prefix}:1::2/64`);
    script.set(host, `route add default via ${prefix}:1::1`);
    return `${prefix}:1::2`;
  }

  /** Joins a node to the core. */
  private uplink(node: string, line: Line): void {
    this.wireUp(node, line);
    this.uplinkAddresses(node, line, 4);
  }

  private wireUp(node: string, line: Line): void {
    if (this.emulator === undefined) {
      this.script.wire('core', `c${line}`, node, 'wan');
    } else {
      const {
        delayMs = 0,
        loss = 0,
        kbitPerSecond = 0,
        queueBytes = 0,
        flows = [],
      } = this.links?.[line === 'o' ? 'a' : line] ?? {};
      this.script.wire('core', `c${line}`, 'em', `x${line}`);
      this.script.wire('em', `y${line}`, node, 'wan');
      this.emulator.push(`x${line}`, `y${line}`);
      this.emulator.push(...[delayMs * 1000, loss * 1000, kbitPerSecond, queueBytes].map((value) => String(Math.round(value))));
      for (const flow of flows) this.emulator.push('flow', flow.from, flow.to, String(Math.round(flow.delayMs * 1000)));
    }
  }

  /** 20.0.<subnet>.2, or 2a00:20:<subnet>::2. */
  private uplinkAddresses(node: string, line: Line, family: 4 | 6): void {
    const [prefix, length] = family === 4 ? [`20.0.${subnets[line]}.`, 24] : [`2a00:20:${subnets[line]}::`, 64];
    this.script.address('core', `c${line}`, `${prefix}1/${length}`);
    this.script.address(node, 'wan', `${prefix}2/${length}`);
    this.script.set(node, `route add default via ${prefix}1`);
  }

  private join(
    { router, device, gateway }: { readonly router: string; readonly device: string; readonly gateway: string },
    inner: { readonly node: string; readonly device: string; readonly address: string },
  ): void {
    this.script.wire(router, device, inner.node, inner.device);
    this.script.address(router, device, `${gateway}/24`);
    this.script.address(inner.node, inner.device, `${inner.address}/24`);
    this.script.set(inner.node, `route add default via ${gateway}`);
  }
}

/** Between two networks behind one NAT that keeps ports: the only way is by its external address (RFC 4787 §6, REQ-9). */
function hairpinRuleset(external: string, { a, b }: Readonly<Record<Site, string>>): string {
  return `
table inet hairpin {
  chain prerouting {
    type nat hook prerouting priority dstnat - 1; policy accept;
    iifname "lan" ip daddr ${external} dnat to ${b}
    iifname "lan2" ip daddr ${external} dnat to ${a}
  }
  chain postrouting {
    type nat hook postrouting priority srcnat - 1; policy accept;
    oifname { "lan", "lan2" } ct status dnat ip saddr { ${a}, ${b} } snat to ${external}
  }
  chain forward {
    type filter hook forward priority filter - 1; policy accept;
    ct status dnat accept
    iifname { "lan", "lan2" } oifname { "lan", "lan2" } drop
  }
}`;
}
