import { type MappingProtocolName, type NatKindName, natKinds, natRuleset } from './nat-kinds.js';

export type Site = 'a' | 'b';
export const sites: readonly Site[] = ['a', 'b'];
/** What has a line to the public network: the sites, the third host and the public peer. */
export type Line = Site | 'c' | 'p';

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
}

export interface TopologyOptions {
  readonly a: NatKindName;
  readonly b: NatKindName;
  /** Lines of the two sites and of the public peer. Without any, packets pass as fast as the kernel hands them over. */
  readonly links?: { readonly [node in Line]?: Link | undefined } | undefined;
  /** A third host, on the public network. @default false */
  readonly third?: boolean;
}

/** Address of the public peer; STUN and TURN answer on both (RFC 5780 wants two). */
export const publicAddresses = ['20.0.9.2', '20.0.9.3'] as const;
/** Address of the third host. */
export const thirdAddress = '20.0.3.2';
const subnets = { a: 1, b: 2, c: 3, p: 9 } as const;

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
 * Two hosts (`ha`, `hb`), each behind the routers of its NAT kind (`ra`, and `qa` inside it), a public peer (`p`) and, if wanted, a
 * third host without a NAT (`hc`), all joined by `core`; with links, through `em`. A node's side towards the public network is `wan`, the other is `lan`.
 */
export function planTopology({ a, b, links, third = false }: TopologyOptions): Topology {
  const plan = new Plan(links);
  plan.node('core', { forwards: true });
  plan.rules('core', 'table inet lab {\n  chain forward {\n    type filter hook forward priority filter; policy accept;\n  }\n}');
  plan.node('p');
  plan.uplink('p', 'p');
  plan.address('p', 'wan', `${publicAddresses[1]}/24`);
  if (third) {
    plan.node('hc');
    plan.uplink('hc', 'c');
  }
  const addresses = { a: plan.site('a', a), b: plan.site('b', b) };
  return { script: plan.script(), emulator: plan.emulator, addresses, gateways: plan.gateways };
}

class Plan {
  /** Arguments of the link emulator so far. */
  emulator: string[] | undefined;
  readonly gateways: GatewayPlan[] = [];
  private readonly creation: string[] = [];
  private readonly settings = new Map<string, string[]>();
  private readonly shell: string[] = [];

  constructor(private readonly links: TopologyOptions['links']) {
    if (links === undefined) return;
    this.emulator = [];
    this.node('em');
    // Nothing may speak on the lines but what they join.
    this.inside('em', 'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6');
  }

  node(name: string, { forwards = false } = {}): void {
    this.creation.push(`netns add ${name}`);
    this.settings.set(name, ['link set lo up']);
    if (forwards) this.inside(name, 'echo 1 > /proc/sys/net/ipv4/ip_forward');
  }

  /** @returns the host's address */
  site(site: Site, kindName: NatKindName): string {
    const kind = natKinds[kindName];
    const subnet = subnets[site];
    const host = `h${site}`;
    const address = kind.routers.length === 0 ? `20.0.${subnet}.2` : `192.168.${subnet}.2`;
    let outside = '';
    kind.routers.forEach((router, depth) => {
      const name = `${'rq'[depth]}${site}`;
      const innermost = depth === kind.routers.length - 1;
      this.node(name, { forwards: true });
      this.rules(name, natRuleset(router, innermost ? address : '100.64.0.2'));
      if (router.maps !== undefined) {
        const external = depth === 0 ? `20.0.${subnet}.2` : '100.64.0.2';
        const inside = innermost ? `192.168.${subnet}.0/24` : '100.64.0.0/24';
        this.gateways.push({ node: name, maps: router.maps, external, inside });
      }
      if (depth === 0) this.uplink(name, site);
      else this.join(outside, name, '100.64.0.1', '100.64.0.2');
      outside = name;
    });
    this.node(host);
    if (outside === '') this.uplink(host, site);
    else this.join(outside, host, `192.168.${subnet}.1`, address);
    if (kind.host !== undefined) this.rules(host, kind.host);
    return address;
  }

  /** Joins a node to the core, as 20.0.<subnet>.2. */
  uplink(node: string, line: Line): void {
    const gateway = `20.0.${subnets[line]}.1`;
    if (this.emulator === undefined) {
      this.wire('core', `c${line}`, node, 'wan');
    } else {
      const { delayMs = 0, loss = 0, kbitPerSecond = 0, queueBytes = 0 } = this.links?.[line] ?? {};
      this.wire('core', `c${line}`, 'em', `x${line}`);
      this.wire('em', `y${line}`, node, 'wan');
      this.emulator.push(`x${line}`, `y${line}`);
      this.emulator.push(...[delayMs * 1000, loss * 1000, kbitPerSecond, queueBytes].map((value) => String(Math.round(value))));
    }
    this.address('core', `c${line}`, `${gateway}/24`);
    this.address(node, 'wan', `20.0.${subnets[line]}.2/24`);
    this.set(node, `route add default via ${gateway}`);
  }

  address(node: string, device: string, address: string): void {
    this.set(node, `addr add ${address} dev ${device}`);
  }

  rules(node: string, ruleset: string): void {
    this.inside(node, `nft -f - <<'END'\n${ruleset}\nEND`);
  }

  script(): string {
    const settings = [...this.settings].map(([node, lines]) => `ip -n ${node} -batch - <<'END'\n${lines.join('\n')}\nEND`);
    return [`ip -batch - <<'END'\n${this.creation.join('\n')}\nEND`, ...this.shell, ...settings].join('\n');
  }

  private join(outer: string, inner: string, gateway: string, address: string): void {
    this.wire(outer, 'lan', inner, 'wan');
    this.address(outer, 'lan', `${gateway}/24`);
    this.address(inner, 'wan', `${address}/24`);
    this.set(inner, `route add default via ${gateway}`);
  }

  private wire(one: string, device: string, other: string, otherDevice: string): void {
    this.creation.push(`link add ${device} netns ${one} type veth peer name ${otherDevice} netns ${other}`);
    // The kernel would pass bundles of 64 kB as one frame; a line carries packets.
    const segments = this.emulator === undefined ? '' : ' gso_max_segs 1';
    this.set(one, `link set ${device} up${segments}`);
    this.set(other, `link set ${otherDevice} up${segments}`);
  }

  private set(node: string, line: string): void {
    this.settings.get(node)?.push(line);
  }

  private inside(node: string, command: string): void {
    this.shell.push(`nsenter --net=/run/netns/${node} ${command.startsWith('nft') ? command : `sh -c '${command}'`}`);
  }
}
