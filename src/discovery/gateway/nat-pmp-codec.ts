import type { Transport } from './mapping-protocol.js';

/** RFC 6886 §3.2: NAT-PMP is version 0 of what became PCP. */
const version = 0;
/** RFC 6886 §3.2 and §3.3 */
const opcodes = { externalAddress: 0, udp: 1, tcp: 2 } as const;
/** Responses have the opcode plus this (RFC 6886 §3.5). */
const responseBase = 128;

/** Where the fields of a NAT-PMP packet are: offset in bytes. All numbers are big-endian. */
const common = {
  version: 0, //     u8  RFC 6886 §3.2
  opcode: 1, //      u8  §3.2, §3.3
  resultCode: 2, //  u16 §3.5, responses
  epoch: 4, //       u32 §3.6, responses; seconds
} as const;
const addressResponse = { externalAddress: 8 /* 4 B §3.2 */, length: 12 } as const;
const mapRequest = {
  internalPort: 4, //  u16 §3.3
  externalPort: 6, //  u16 §3.3, suggested
  lifetime: 8, //      u32 §3.3, seconds
  length: 12,
} as const;
const mapResponse = {
  internalPort: 8, //   u16 §3.3
  externalPort: 10, //  u16 §3.3, assigned
  lifetime: 12, //      u32 §3.3, seconds
  length: 16,
} as const;

/** RFC 6886 §3.5, by number. */
export const natPmpResults = [
  'SUCCESS',
  'UNSUPPORTED_VERSION',
  'NOT_AUTHORIZED',
  'NETWORK_FAILURE',
  'OUT_OF_RESOURCES',
  'UNSUPPORTED_OPCODE',
] as const;
type NatPmpResult = (typeof natPmpResults)[number];

export interface NatPmpMapRequest {
  readonly transport: Transport;
  readonly internalPort: number;
  /** 0 for any; must be 0 to delete. */
  readonly externalPort: number;
  /** Seconds; 0 deletes (RFC 6886 §3.4). */
  readonly lifetimeSeconds: number;
}

export type NatPmpResponse = { readonly epochSeconds: number } & (
  | { readonly kind: 'address'; readonly result: NatPmpResult; readonly externalAddress?: string }
  | { readonly kind: 'map'; readonly result: NatPmpResult; readonly transport: Transport; readonly mapping?: NatPmpMapping }
);

export interface NatPmpMapping {
  readonly internalPort: number;
  readonly externalPort: number;
  readonly lifetimeSeconds: number;
}

/** RFC 6886 §3.2 */
export function encodeNatPmpAddressRequest(): Buffer {
  return Buffer.from([version, opcodes.externalAddress]);
}

/** RFC 6886 §3.3 */
export function encodeNatPmpMap(request: NatPmpMapRequest): Buffer {
  const packet = Buffer.alloc(mapRequest.length);
  packet.writeUInt8(version, common.version);
  packet.writeUInt8(opcodes[request.transport], common.opcode);
  packet.writeUInt16BE(request.internalPort, mapRequest.internalPort);
  packet.writeUInt16BE(request.externalPort, mapRequest.externalPort);
  packet.writeUInt32BE(request.lifetimeSeconds, mapRequest.lifetime);
  return packet;
}

/** A response; undefined for anything else. Never throws. */
export function decodeNatPmpResponse(packet: Buffer): NatPmpResponse | undefined {
  if (packet.length < 8 || packet.readUInt8(common.version) !== version) return undefined;
  const opcode = packet.readUInt8(common.opcode) - responseBase;
  // Numbers that RFC 6886 does not know mean no more to us than a failure.
  const result = natPmpResults[packet.readUInt16BE(common.resultCode)] ?? 'NETWORK_FAILURE';
  const epochSeconds = packet.readUInt32BE(common.epoch);
  if (opcode === opcodes.externalAddress) {
    if (result !== 'SUCCESS') return { kind: 'address', result, epochSeconds };
    if (packet.length < addressResponse.length) return undefined;
    const { externalAddress: from, length: to } = addressResponse;
    return { kind: 'address', result, epochSeconds, externalAddress: [...packet.subarray(from, to)].join('.') };
  }
  if (opcode !== opcodes.tcp && opcode !== opcodes.udp) return undefined;
  const transport = opcode === opcodes.tcp ? 'tcp' : 'udp';
  if (packet.length < mapResponse.length)
    return result === 'SUCCESS' ? undefined : { kind: 'map', result, epochSeconds, transport };
  const mapping = {
    internalPort: packet.readUInt16BE(mapResponse.internalPort),
    externalPort: packet.readUInt16BE(mapResponse.externalPort),
    lifetimeSeconds: packet.readUInt32BE(mapResponse.lifetime),
  };
  return { kind: 'map', result, epochSeconds, transport, mapping };
}
