/**
 * Frames of yamux, version 0 (github.com/hashicorp/yamux, spec.md). Twelve bytes in network order: version u8, type u8, flags u16,
 * stream u32, length u32. Only a data frame has a body, of `length` bytes.
 */
export const frameType = {
  /** `length` bytes of a stream follow. */
  data: 0,
  /** `length` more bytes may be sent on a stream. */
  windowUpdate: 1,
  /** `length` is a number to be returned with ACK. */
  ping: 2,
  /** No new streams from now on; `length` is a {@link goAwayCode}. */
  goAway: 3,
} as const;

export const flag = { syn: 1, ack: 2, fin: 4, rst: 8 } as const;

export const goAwayCode = { normal: 0, protocolError: 1, internalError: 2 } as const;

export const headerLength = 12;
/** Bytes that either end may send on a new stream before the other says more. */
export const initialWindow = 256 * 1024;

export interface FrameHeader {
  /** One of {@link frameType}. */
  readonly type: number;
  /** Sum of {@link flag}s. */
  readonly flags: number;
  /** 0 for the session itself. */
  readonly stream: number;
  readonly length: number;
}

/** A frame with its body, if any, in one buffer. */
export function encodeFrame({ type, flags, stream, length }: FrameHeader, body?: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headerLength + (body?.length ?? 0));
  frame.writeUInt8(0, 0);
  frame.writeUInt8(type, 1);
  frame.writeUInt16BE(flags, 2);
  frame.writeUInt32BE(stream, 4);
  frame.writeUInt32BE(length, 8);
  if (body) frame.set(body, headerLength);
  return frame;
}

export interface FrameEvents {
  /** A header; of a data frame, the body follows in parts. Returns whether to go on. */
  onHeader(header: FrameHeader): boolean;
  /** A part of the last header's body. */
  onBody(part: Buffer): void;
  /** The last header's body is complete; called for every data frame, an empty one too. */
  onBodyEnd(): void;
}

/** What comes in is no yamux. */
export class FrameError extends Error {}

/** Takes a stream of bytes apart. Holds no more than one header, for bodies are passed on as they come. */
export class FrameReader {
  private partial: Buffer = Buffer.alloc(0);
  /** Bytes of the body that are still to come; undefined between frames. */
  private left: number | undefined;

  constructor(private readonly events: FrameEvents) {}

  /** @throws FrameError */
  push(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.left === undefined) {
        const joined: Buffer = this.partial.length === 0 ? rest : Buffer.concat([this.partial, rest]);
        if (joined.length < headerLength) {
          this.partial = Buffer.from(joined);
          return;
        }
        this.partial = Buffer.alloc(0);
        rest = joined.subarray(headerLength);
        const header = decodeHeader(joined);
        if (!this.events.onHeader(header)) return;
        if (header.type !== frameType.data) continue;
        this.left = header.length;
      }
      const part = rest.subarray(0, this.left);
      rest = rest.subarray(part.length);
      this.left -= part.length;
      if (part.length > 0) this.events.onBody(part);
      if (this.left > 0) return;
      this.left = undefined;
      this.events.onBodyEnd();
    }
  }
}

function decodeHeader(bytes: Buffer): FrameHeader {
  const version = bytes.readUInt8(0);
  const type = bytes.readUInt8(1);
  if (version !== 0) throw new FrameError(`a frame has version ${version}`);
  if (type > frameType.goAway) throw new FrameError(`a frame has type ${type}`);
  return { type, flags: bytes.readUInt16BE(2), stream: bytes.readUInt32BE(4), length: bytes.readUInt32BE(8) };
}
