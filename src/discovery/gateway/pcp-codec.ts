import { isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { Transport } from './mapping-protocol.js';

/** UDP port of PCP servers (RFC 6887 §19.1), and of NAT-PMP servers before them (RFC 6886 §3.1). */
export const pcpPort = 5351;
const nonceLength = 12;

/** Version that we speak (RFC 6887 §7). Version 0 is NAT-PMP's, version 1 was a draft. */
export const pcpVersion = 2;
/** RFC 6887 §19.2 */
export const opcodes = { announce: 0, map: 1 } as const;
/** Responses have the opcode's high bit set (RFC 6887 §7.2: R). */
const responseBit = 0x80;

/** Where the fields of a PCP packet are: offset in bytes. All numbers are big-endian. */
const header = {
  version: 0, //        u8   RFC 6887 §7.1
  opcode: 1, //         u8   §7.1, R bit and opcode
  resultCode: 3, //     u8   §7.2, responses
  lifetime: 4, //       u32  §7.1 seconds asked for, §7.2 seconds granted
  clientAddress: 8, //  16 B §7.1, requests
  epoch: 8, //          u32  §7.2, responses; seconds
  length: 24,
} as const;
const map = {
  nonce: 24, //            12 B §11.1
  protocol: 36, //         u8   §11.1, IANA protocol number
  internalPort: 40, //     u16  §11.1
  externalPort: 42, //     u16  §11.1 suggested or assigned
  externalAddress: 44, //  16 B §11.1 suggested or assigned
  length: 60,
} as const;
/** IANA protocol numbers. */
const protocolNumbers: Readonly<Record<Transport, number>> = { tcp: 6, udp: 17 };

/** RFC 6887 §7.4, by number. */
export const pcpResults = [
  'SUCCESS',
  'UNSUPP_VERSION',
  'NOT_AUTHORIZED',
  'MALFORMED_REQUEST',
  'UNSUPP_OPCODE',
  'UNSUPP_OPTION',
  'MALFORMED_OPTION',
  'NETWORK_FAILURE',
  'NO_RESOURCES',
  'UNSUPP_PROTOCOL',
  'USER_EX_QUOTA',
  'CANNOT_PROVIDE_EXTERNAL',
  'ADDRESS_MISMATCH',
  'EXCESSIVE_REMOTE_PEERS',
] as const;
export type PcpResult = (typeof pcpResults)[number];

export interface PcpMapRequest {
  /** Our own address towards the server; it refuses packets that come from another (ADDRESS_MISMATCH). */
  readonly clientAddress: string;
  /** 12 bytes that name the mapping: only who knows them may change it. */
  readonly nonce: Uint8Array;
  readonly transport: Transport;
  readonly internalPort: number;
  /** 0 for any. */
  readonly externalPort: number;
  /** Seconds; 0 deletes (RFC 6887 §15). */
  readonly lifetimeSeconds: number;
}

export interface PcpMapping {
  readonly nonce: Uint8Array;
  readonly transport: Transport;
  readonly internalPort: number;
  readonly externalPort: number;
  readonly externalAddress: string;
}

export interface PcpResponse {
  readonly opcode: number;
  readonly result: PcpResult;
  /** Of the mapping, or for how long an error lasts, in seconds. */
  readonly lifetimeSeconds: number;
  /** Seconds since the server's state was made (RFC 6887 §8.5). */
  readonly epochSeconds: number;
  /** Of responses to MAP. */
  readonly mapping?: PcpMapping;
}

export function encodePcpMap(request: PcpMapRequest): Buffer {
  const packet = encodeHeader(opcodes.map, request.lifetimeSeconds, request.clientAddress, map.length);
  packet.set(request.nonce.subarray(0, nonceLength), map.nonce);
  packet.writeUInt8(protocolNumbers[request.transport], map.protocol);
  packet.writeUInt16BE(request.internalPort, map.internalPort);
  packet.writeUInt16BE(request.externalPort, map.externalPort);
  // The unspecified address of the family that the mapping is to have (§11.1).
  packet.set(addressBytes(isIPv4(request.clientAddress) ? '0.0.0.0' : '::'), map.externalAddress);
  return packet;
}

/** Asks for nothing but the server's epoch (RFC 6887 §14.1). */
export function encodePcpAnnounce(clientAddress: string): Buffer {
  return encodeHeader(opcodes.announce, 0, clientAddress, header.length);
}

/**
 * A response, or the version that the server speaks instead of ours (RFC 6887 §9); undefined for anything else. Never throws.
 */
export function decodePcpResponse(packet: Buffer): PcpResponse | { readonly otherVersion: number } | undefined {
  // A NAT-PMP server's refusal has 8 bytes and the version 0 (RFC 6887 appendix A).
  if (packet.length < 4) return undefined;
  const opcode = packet.readUInt8(header.opcode);
  if ((opcode & responseBit) === 0) return undefined;
  const version = packet.readUInt8(header.version);
  if (version !== pcpVersion) return { otherVersion: version };
  if (packet.length < header.length || packet.length > 1100 || packet.length % 4 !== 0) return undefined;
  // Numbers that came later mean no more to us than a failure.
  const result = pcpResults[packet.readUInt8(header.resultCode)] ?? 'NETWORK_FAILURE';
  const answer = {
    opcode: opcode & ~responseBit,
    result,
    lifetimeSeconds: packet.readUInt32BE(header.lifetime),
    epochSeconds: packet.readUInt32BE(header.epoch),
  };
  if (answer.opcode !== opcodes.map) return answer;
  if (packet.length < map.length) return undefined;
  const transport = packet.readUInt8(map.protocol) === protocolNumbers.tcp ? 'tcp' : 'udp';
  if (protocolNumbers[transport] !== packet.readUInt8(map.protocol)) return undefined;
  return {
    ...answer,
    mapping: {
      nonce: packet.subarray(map.nonce, map.nonce + nonceLength),
      transport,
      internalPort: packet.readUInt16BE(map.internalPort),
      externalPort: packet.readUInt16BE(map.externalPort),
      externalAddress: addressText(packet.subarray(map.externalAddress, map.length)),
    },
  };
}

function encodeHeader(opcode: number, lifetimeSeconds: number, clientAddress: string, length: number): Buffer {
  const packet = Buffer.alloc(length);
  packet.writeUInt8(pcpVersion, header.version);
  packet.writeUInt8(opcode, header.opcode);
  packet.writeUInt32BE(lifetimeSeconds, header.lifetime);
  packet.set(addressBytes(clientAddress), header.clientAddress);
  return packet;
}

/** 16 bytes: IPv4 addresses are IPv4-mapped (RFC 6887 §5). */
function addressBytes(address: string): number[] {
  const parsed = ipaddr.parse(address);
  return (parsed.kind() === 'ipv4' ? (parsed as ipaddr.IPv4).toIPv4MappedAddress() : parsed).toByteArray();
}

function addressText(bytes: Uint8Array): string {
  const address = ipaddr.fromByteArray([...bytes]) as ipaddr.IPv6;
  return (address.isIPv4MappedAddress() ? address.toIPv4Address() : address).toString();
}
