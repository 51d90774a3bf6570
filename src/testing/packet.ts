import type { Endpoint } from '../core/net.js';

/** An IP packet with what it carries. The version of IP is that of its addresses. */
export type Packet = UdpPacket | TcpPacket;

interface IpHeader {
  readonly source: Endpoint;
  readonly destination: Endpoint;
  /** TTL or hop limit; each router takes one off. */
  readonly ttl: number;
  readonly payload: Uint8Array;
}

export interface UdpPacket extends IpHeader {
  readonly protocol: 'udp';
}

export interface TcpPacket extends IpHeader {
  readonly protocol: 'tcp';
  readonly tcp: TcpHeader;
}

/** RFC 9293 §3.1. Numbers do not wrap here: a connection counts on from its initial sequence number. */
export interface TcpHeader {
  readonly seq: number;
  /** Means something where `flags` has ACK. */
  readonly ack: number;
  readonly flags: TcpFlags;
  /** Bytes that the sender has room for. */
  readonly window: number;
}

export interface TcpFlags {
  readonly syn?: boolean;
  readonly ack?: boolean;
  readonly fin?: boolean;
  readonly rst?: boolean;
}

/** TTL of a packet whose sender says nothing else. */
export const defaultTtl = 64;

/** Bytes on the wire, from the IP header on. */
export function sizeOf({ protocol, source, payload }: Packet): number {
  return (isIPv6(source.address) ? 40 : 20) + (protocol === 'udp' ? 8 : 20) + payload.length;
}

export function isIPv6(address: string): boolean {
  return address.includes(':');
}

/** RFC 1112, RFC 4291 §2.7. */
export function isMulticast(address: string): boolean {
  return isIPv6(address) ? /^ff/i.test(address) : /^2(?:2[4-9]|3\d)\./.test(address);
}

export function sameEndpoint(one: Endpoint, other: Endpoint): boolean {
  return one.port === other.port && one.address === other.address;
}

/** For maps: one text for one endpoint. */
export function endpointKey({ address, port }: Endpoint): string {
  return `${address} ${port}`;
}

/** A packet's kind in a word or two: `SYN`, `SYN ACK`, `TCP 120 B`, `UDP 36 B`. */
export function kindOf(packet: Packet): string {
  if (packet.protocol === 'udp') return `UDP ${packet.payload.length} B`;
  const { syn, fin, rst, ack } = packet.tcp.flags;
  const special = [syn && 'SYN', fin && 'FIN', rst && 'RST'].filter(Boolean);
  if (special.length > 0) return [...special, ...(ack ? ['ACK'] : [])].join(' ');
  return packet.payload.length > 0 ? `TCP ${packet.payload.length} B` : 'ACK';
}

/** What a closed port, or a NAT that says so, answers to a segment (RFC 9293 §3.10.7.1); undefined for a RST. */
export function resetFor({ source, destination, tcp, payload }: TcpPacket): TcpPacket | undefined {
  if (tcp.flags.rst) return undefined;
  const length = payload.length + (tcp.flags.syn ? 1 : 0) + (tcp.flags.fin ? 1 : 0);
  const answer: TcpHeader = tcp.flags.ack
    ? { seq: tcp.ack, ack: 0, flags: { rst: true }, window: 0 }
    : { seq: 0, ack: tcp.seq + length, flags: { rst: true, ack: true }, window: 0 };
  return { protocol: 'tcp', source: destination, destination: source, ttl: defaultTtl, payload: new Uint8Array(0), tcp: answer };
}
