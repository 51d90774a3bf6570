/** LINKTYPE_RAW: a packet begins with its IP header. */
const linkTypeRaw = 101;
const blockTypes = { section: 0x0a0d0d0a, interface: 1, packet: 6 } as const;
/** Option if_name of an interface's block. */
const interfaceName = 2;

export interface CapturedPacket {
  /** Milliseconds. */
  readonly at: number;
  readonly bytes: Uint8Array;
  /** Name of the interface that it was seen at. */
  readonly interface: string;
}

/** A capture file (draft-ietf-opsawg-pcapng). Times are in microseconds from 1970 on, as if the clock began there. */
export function encodePcapng(packets: readonly CapturedPacket[]): Buffer {
  const names = [...new Set(packets.map((packet) => packet.interface))];
  const blocks = packets.map((packet) => enhancedPacket(packet, names.indexOf(packet.interface)));
  return Buffer.concat([sectionHeader(), ...names.map(interfaceDescription), ...blocks]);
}

function sectionHeader(): Buffer {
  const body = Buffer.alloc(16);
  body.writeUInt32LE(0x1a2b3c4d, 0);
  body.writeUInt16LE(1, 4);
  body.writeBigInt64LE(-1n, 8);
  return block(blockTypes.section, body);
}

function interfaceDescription(name: string): Buffer {
  const fixed = Buffer.alloc(8);
  fixed.writeUInt16LE(linkTypeRaw, 0);
  const text = Buffer.from(name);
  const option = Buffer.alloc(4);
  option.writeUInt16LE(interfaceName, 0);
  option.writeUInt16LE(text.length, 2);
  return block(blockTypes.interface, Buffer.concat([fixed, option, padded(text), Buffer.alloc(4)]));
}

function enhancedPacket({ at, bytes }: CapturedPacket, interfaceId: number): Buffer {
  const fixed = Buffer.alloc(20);
  fixed.writeUInt32LE(interfaceId, 0);
  const microseconds = BigInt(Math.round(at * 1000));
  fixed.writeUInt32LE(Number(microseconds >> 32n), 4);
  fixed.writeUInt32LE(Number(microseconds & 0xffffffffn), 8);
  fixed.writeUInt32LE(bytes.length, 12);
  fixed.writeUInt32LE(bytes.length, 16);
  return block(blockTypes.packet, Buffer.concat([fixed, padded(bytes)]));
}

function block(type: number, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(type, 0);
  head.writeUInt32LE(12 + body.length, 4);
  return Buffer.concat([head, body, head.subarray(4)]);
}

function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
