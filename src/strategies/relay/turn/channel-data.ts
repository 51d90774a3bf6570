/** Channel numbers that may be bound (RFC 8656 §12). */
export const firstChannel = 0x4000;
export const lastChannel = 0x4fff;
const headerLength = 4;

/** ChannelData (RFC 8656 §12.4). Over a stream it is padded to a multiple of four bytes (§12.5). */
export function encodeChannelData(channel: number, data: Uint8Array, padded: boolean): Buffer {
  const bytes = Buffer.alloc(padded ? channelDataLength(data.length) : headerLength + data.length);
  bytes.writeUInt16BE(channel, 0);
  bytes.writeUInt16BE(data.length, 2);
  bytes.set(data, headerLength);
  return bytes;
}

/** Undefined for anything else. Never throws. */
export function decodeChannelData(bytes: Buffer): { channel: number; data: Buffer } | undefined {
  if (bytes.length < headerLength || !startsChannelData(bytes)) return undefined;
  const length = bytes.readUInt16BE(2);
  if (bytes.length < headerLength + length) return undefined;
  return { channel: bytes.readUInt16BE(0), data: bytes.subarray(headerLength, headerLength + length) };
}

/** The first two bits tell channel data (01) from STUN (00). */
export function startsChannelData(bytes: Buffer): boolean {
  return (bytes[0] ?? 0) >> 6 === 1;
}

/** Bytes on a stream, header and padding included. */
export function channelDataLength(dataLength: number): number {
  return headerLength + ((dataLength + 3) & ~3);
}
