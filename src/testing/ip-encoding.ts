import ipaddr from 'ipaddr.js';
import { isIPv6, type Packet } from './packet.js';

/** IANA protocol numbers. */
const protocols = { udp: 17, tcp: 6 } as const;
const tcpBits = { fin: 0x01, syn: 0x02, rst: 0x04, ack: 0x10 } as const;

/** A packet as it would be on a wire, from the IP header on, checksums included. */
export function encodeIp(packet: Packet): Buffer {
  const body = packet.protocol === 'udp' ? encodeUdp(packet) : encodeTcp(packet);
  const source = addressBytes(packet.source.address);
  const destination = addressBytes(packet.destination.address);
  const pseudoHeader = Buffer.alloc(8);
  pseudoHeader.writeUInt32BE(body.length, 0);
  pseudoHeader.writeUInt8(protocols[packet.protocol], 7);
  const sum = checksum(Buffer.concat([source, destination, pseudoHeader, body]));
  body.writeUInt16BE(packet.protocol === 'udp' && sum === 0 ? 0xffff : sum, packet.protocol === 'udp' ? 6 : 16);
  const header = isIPv6(packet.source.address) ? ipv6Header(packet, body.length) : ipv4Header(packet, body.length);
  return Buffer.concat([header, body]);
}

/** RFC 791 §3.1, without the checksum's bytes counted twice. */
function ipv4Header({ protocol, ttl, source, destination }: Packet, bodyLength: number): Buffer {
  const header = Buffer.alloc(20);
  header.writeUInt8(0x45, 0);
  header.writeUInt16BE(20 + bodyLength, 2);
  header.writeUInt8(ttl, 8);
  header.writeUInt8(protocols[protocol], 9);
  addressBytes(source.address).copy(header, 12);
  addressBytes(destination.address).copy(header, 16);
  header.writeUInt16BE(checksum(header), 10);
  return header;
}

/** RFC 8200 §3. */
function ipv6Header({ protocol, ttl, source, destination }: Packet, bodyLength: number): Buffer {
  const header = Buffer.alloc(40);
  header.writeUInt8(0x60, 0);
  header.writeUInt16BE(bodyLength, 4);
  header.writeUInt8(protocols[protocol], 6);
  header.writeUInt8(ttl, 7);
  addressBytes(source.address).copy(header, 8);
  addressBytes(destination.address).copy(header, 24);
  return header;
}

/** RFC 768. */
function encodeUdp({ source, destination, payload }: Packet): Buffer {
  const datagram = Buffer.alloc(8 + payload.length);
  datagram.writeUInt16BE(source.port, 0);
  datagram.writeUInt16BE(destination.port, 2);
  datagram.writeUInt16BE(datagram.length, 4);
  datagram.set(payload, 8);
  return datagram;
}

/** RFC 9293 §3.1. Windows are shown as if they were scaled by 8 bits, which no option says. */
function encodeTcp({ source, destination, payload, tcp }: Extract<Packet, { protocol: 'tcp' }>): Buffer {
  const segment = Buffer.alloc(20 + payload.length);
  segment.writeUInt16BE(source.port, 0);
  segment.writeUInt16BE(destination.port, 2);
  segment.writeUInt32BE(tcp.seq % 2 ** 32, 4);
  segment.writeUInt32BE(tcp.ack % 2 ** 32, 8);
  segment.writeUInt8(0x50, 12);
  const names = Object.keys(tcpBits) as (keyof typeof tcpBits)[];
  segment.writeUInt8(
    names.reduce((sum, name) => sum | (tcp.flags[name] ? tcpBits[name] : 0), 0),
    13,
  );
  segment.writeUInt16BE(Math.min(0xffff, tcp.window >> 8), 14);
  segment.set(payload, 20);
  return segment;
}

function addressBytes(address: string): Buffer {
  return Buffer.from(ipaddr.parse(address).toByteArray());
}

/** RFC 1071. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let index = 0; index < bytes.length; index += 2) {
    sum += bytes.readUInt8(index) * 256 + (index + 1 < bytes.length ? bytes.readUInt8(index + 1) : 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}
