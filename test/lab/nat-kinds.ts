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
] as const;
export type NatKindName = (typeof natKindNames)[number];

export interface NatKind {
  /** For people: what a host behind it meets. */
  readonly meaning: string;
  /** Packet filter of the host itself. */
  readonly host?: string;
  /** Packet filters of the routers on the way out, from the public network inwards; none puts the host on that network. */
  readonly routers: readonly NatRouter[];
}

/** A router that translates addresses (NAPT), in the terms of RFC 4787 (UDP) and RFC 5382 (TCP). */
export interface NatRouter {
  /**
   * RFC 4787 §4.1 and §4.2. `preserving` keeps the source port unless it is taken, so that a host sees endpoint-independent
   * mapping; `random` takes a new port for each destination: address- and port-dependent mapping.
   */
  readonly mapping: 'preserving' | 'random';
  /**
   * RFC 4787 §5. `endpoint-independent` lets anyone in; `drop` and `reset` are address- and port-dependent filtering that answer
   * an unexpected packet with silence (as RFC 5382 REQ-4 asks) or with RST and ICMP errors, which it forbids and some do.
   */
  readonly filtering: 'endpoint-independent' | 'drop' | 'reset';
  /** @default true */
  readonly forwardsUdp?: boolean;
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

/** nft rules of a router with interfaces `wan` and `lan`. @param inside IPv4 address of what is behind it */
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
    oifname "wan" masquerade ${mapping === 'random' ? 'fully-random' : ''}
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    ${forwardsUdp ? '' : 'meta l4proto udp drop'}
    ct state established,related accept
    iifname "lan" accept
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
    ${filtering === 'reset' ? 'meta l4proto tcp reject with tcp reset' : 'drop'}
    ${filtering === 'reset' ? 'reject' : ''}
  }
}`;
}

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
