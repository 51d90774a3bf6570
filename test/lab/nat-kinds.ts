/** What stands between a host and the public network. */
export const natKindNames = [
  'public',
  'fw',
  'cone',
  'prc',
  'prcrst',
  'sym',
  'cgnat',
  'udpblock',
  'upnp',
  'igdv1',
  'symupnp',
  'pmp',
  'pcp',
  'stacked',
  'seq',
  'brief',
  'fw6',
  'pin6',
  'dual',
] as const;
export type NatKindName = (typeof natKindNames)[number];

export interface NatKind {
  /** For people: what a host behind it meets. */
  readonly meaning: string;
  /** Packet filter of the host itself. */
  readonly host?: string;
  /** Packet filters of the routers on the way out, from the public network inwards; none puts the host on that network. */
  readonly routers: readonly NatRouter[];
  /** What the host has addresses of. That of IPv6 is public, behind a router with a stateful firewall. @default 4 */
  readonly families?: 6 | 'both';
  /** That firewall opens pinholes by PCP (RFC 6887). @default false */
  readonly pinholes?: boolean;
}

/** A router that translates addresses (NAPT), in the terms of RFC 4787 (UDP) and RFC 5382 (TCP). */
export interface NatRouter {
  /**
   * RFC 4787 §4.1 and §4.2. `preserving` keeps the source port unless it is taken, so that a host sees endpoint-independent
   * mapping; `random` takes a new port for each destination, and `sequential` the next one: address- and port-dependent mapping.
   */
  readonly mapping: 'preserving' | 'random' | 'sequential';
  /**
   * RFC 4787 §5. `endpoint-independent` lets anyone in; `drop` and `reset` are address- and port-dependent filtering that answer
   * an unexpected packet with silence (as RFC 5382 REQ-4 asks) or with RST and ICMP errors, which it forbids and some do.
   */
  readonly filtering: 'endpoint-independent' | 'drop' | 'reset';
  /** @default true */
  readonly forwardsUdp?: boolean;
  /** How long a mapping of UDP outlives its last packet, in seconds (RFC 4787 §4.3). @default the kernel's 30 and 120 */
  readonly udpLifetimeSeconds?: number;
  /** Protocols by which hosts may have ports mapped. @default none */
  readonly maps?: readonly MappingProtocolName[];
}

/** A gateway that speaks `igdv1` describes itself as version 1 of UPnP-IGD, one that speaks `igdv2` as version 2. */
export type MappingProtocolName = 'igdv1' | 'igdv2' | 'nat-pmp' | 'pcp';

const portRestricted: NatRouter = { mapping: 'preserving', filtering: 'drop' };

export const natKinds: Readonly<Record<NatKindName, NatKind>> = {
  public: { meaning: 'no NAT, no filter', routers: [] },
  fw: { meaning: 'no NAT, stateful firewall on the host', host: statefulFirewall(), routers: [] },
  cone: {
    meaning: 'NAT, endpoint-independent filtering',
    routers: [{ mapping: 'preserving', filtering: 'endpoint-independent' }],
  },
  prc: { meaning: 'NAT, port-restricted, drops what it did not expect', routers: [portRestricted] },
  prcrst: {
    meaning: 'NAT, port-restricted, resets what it did not expect',
    routers: [{ ...portRestricted, filtering: 'reset' }],
  },
  sym: { meaning: 'NAT, a random port per destination', routers: [{ mapping: 'random', filtering: 'drop' }] },
  cgnat: { meaning: 'two port-restricted NATs, one behind the other', routers: [portRestricted, portRestricted] },
  udpblock: { meaning: 'port-restricted NAT that forwards no UDP', routers: [{ ...portRestricted, forwardsUdp: false }] },
  upnp: { meaning: 'port-restricted NAT that maps ports by UPnP-IGD 2', routers: [{ ...portRestricted, maps: ['igdv2'] }] },
  igdv1: { meaning: 'port-restricted NAT that maps ports by UPnP-IGD 1', routers: [{ ...portRestricted, maps: ['igdv1'] }] },
  symupnp: {
    meaning: 'NAT, a random port per destination, that maps ports by UPnP-IGD 2, NAT-PMP and PCP',
    routers: [{ mapping: 'random', filtering: 'drop', maps: ['igdv2', 'nat-pmp', 'pcp'] }],
  },
  pmp: { meaning: 'port-restricted NAT that maps ports by NAT-PMP', routers: [{ ...portRestricted, maps: ['nat-pmp'] }] },
  stacked: {
    meaning: 'a gateway that maps ports by PCP, NAT-PMP and UPnP-IGD 2, behind a port-restricted NAT',
    routers: [portRestricted, { ...portRestricted, maps: ['igdv2', 'nat-pmp', 'pcp'] }],
  },
  pcp: { meaning: 'port-restricted NAT that maps ports by PCP', routers: [{ ...portRestricted, maps: ['pcp'] }] },
  seq: { meaning: 'NAT, the next port for each destination', routers: [{ mapping: 'sequential', filtering: 'drop' }] },
  brief: {
    meaning: 'NAT, the next port for each destination, that forgets a silent UDP mapping after 20 s',
    routers: [{ mapping: 'sequential', filtering: 'drop', udpLifetimeSeconds: 20 }],
  },
  fw6: { meaning: 'no IPv4; IPv6 behind a router with a stateful firewall', routers: [], families: 6 },
  pin6: {
    meaning: 'no IPv4; IPv6 behind a router with a stateful firewall that opens pinholes by PCP',
    routers: [],
    families: 6,
    pinholes: true,
  },
  dual: {
    meaning: 'sym, and IPv6 behind a router with a stateful firewall',
    routers: [{ mapping: 'random', filtering: 'drop' }],
    families: 'both',
  },
};

function statefulFirewall(): string {
  return `
table inet lab {
  chain input {
    type filter hook input priority filter; policy drop;
    iifname != "wan" accept
    ct state established,related accept
    icmp type echo-request accept
  }
}`;
}

/** nft rules of a router between `wan` and `lan` that lets IPv6 out, and in what answers it (RFC 6092) or what a pinhole is for. */
export function firewallRuleset({ pinholes = false }: Pick<NatKind, 'pinholes'>): string {
  return `
table inet lab {
  ${pinholes ? mappingChains : ''}
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    iifname "lan" accept
    icmpv6 type echo-request accept
    ${pinholes ? 'jump miniupnpd' : ''}
  }
}`;
}

/**
 * nft rules of a router with interfaces `wan` and `lan`, and `lan2` where it has two networks behind it.
 * @param inside IPv4 address of what is behind it
 */
export function natRuleset({ mapping, filtering, forwardsUdp = true, maps = [] }: NatRouter, inside: string): string {
  const mapsPorts = maps.length > 0;
  return `
table inet lab {
  ${mapsPorts ? mappingChains : ''}
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    ${mapsPorts ? 'jump prerouting_miniupnpd' : ''}
    ${filtering === 'endpoint-independent' ? `iifname "wan" dnat ip to ${inside}` : ''}
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ${mapsPorts ? 'jump postrouting_miniupnpd' : ''}
    ${translation[mapping]}
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    ${forwardsUdp ? '' : 'meta l4proto udp drop'}
    ct state established,related accept
    iifname { "lan", "lan2" } accept
    icmpv6 type echo-request accept
    ct status dnat accept
    ${mapsPorts ? 'jump miniupnpd' : ''}
  }
  chain input {
    type filter hook input priority filter; policy accept;
    ${mapsPorts && !maps.includes('pcp') ? `udp dport 5351 ${firstByte} 2 drop` : ''}
    ${mapsPorts && !maps.includes('nat-pmp') ? `udp dport 5351 ${firstByte} 0 drop` : ''}
    iifname != "wan" accept
    ct state established,related accept
    icmp type echo-request accept
    meta l4proto ipv6-icmp accept
    ${filtering === 'reset' ? 'meta l4proto tcp reject with tcp reset' : 'drop'}
    ${filtering === 'reset' ? 'reject' : ''}
  }
}`;
}

/** The kernel picks ports at random or not at all, so that one after another is a list that it goes through. */
const sequence = Array.from({ length: 2048 }, (_, index) => `${index} : ${40_000 + index}`).join(', ');
const counting = (protocol: 'tcp' | 'udp') =>
  `meta nfproto ipv4 oifname "wan" meta l4proto ${protocol} masquerade to :numgen inc mod 2048 map { ${sequence} }`;

const translation: Readonly<Record<NatRouter['mapping'], string>> = {
  preserving: 'meta nfproto ipv4 oifname "wan" masquerade',
  random: 'meta nfproto ipv4 oifname "wan" masquerade fully-random',
  sequential: [counting('tcp'), counting('udp'), 'meta nfproto ipv4 oifname "wan" masquerade'].join('\n    '),
};

/** Of a datagram's payload: the version of PCP, or 0 for NAT-PMP. miniupnpd speaks both or none. */
const firstByte = '@th,64,8';

/** Where miniupnpd puts its rules. */
const mappingChains = `
  chain prerouting_miniupnpd {
  }
  chain postrouting_miniupnpd {
  }
  chain miniupnpd {
  }`;
