import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * The datagram that the two ends of a stream exchange beside it: it shows that its sender lives and where, opens the stream, and
 * grants credit. Big-endian: magic 4, flags 1, recipient's stream id 4, count 6, limit 6, received 6, lane 2, nonce 8, echo 8, tag 16.
 * The magic's first byte keeps it apart from udx (0xff) and from STUN (below 0x40, RFC 8489 section 5).
 */
export interface Beat {
  /** Id of the stream at the recipient. */
  readonly streamId: number;
  /** Grows with every beat of its sender, so that none counts twice. 0 to 2^48 - 1. */
  readonly count: number;
  /** How many bytes the recipient may have sent in all. 0 to 2^48 - 1. */
  readonly limit: number;
  /** How many bytes of the recipient the sender has in all. 0 to 2^48 - 1. */
  readonly received: number;
  /** The lane the sender is on. 0 to 65,535. */
  readonly lane: number;
  /** Asks for an answer. */
  readonly ask: boolean;
  /** The sender has read the recipient's stream to its end. */
  readonly finished: boolean;
  /** The sender has destroyed the stream. */
  readonly gone: boolean;
  /** 8 bytes that an answer returns. */
  readonly nonce: Uint8Array;
  /** The nonce of the beat that this one answers; zeros in one that answers none. */
  readonly echo: Uint8Array;
}

const magic = Buffer.from('RTSu');
const tagLength = 16;
const signedLength = 45;
const beatLength = signedLength + tagLength;
export const nonceLength = 8;
const flag = { ask: 1, finished: 2, gone: 4 } as const;

export function encodeBeat(beat: Beat, key: Uint8Array): Buffer {
  const data = Buffer.alloc(beatLength);
  magic.copy(data, 0);
  data.writeUInt8((beat.ask ? flag.ask : 0) | (beat.finished ? flag.finished : 0) | (beat.gone ? flag.gone : 0), 4);
  data.writeUInt32BE(beat.streamId, 5);
  data.writeUIntBE(beat.count, 9, 6);
  data.writeUIntBE(beat.limit, 15, 6);
  data.writeUIntBE(beat.received, 21, 6);
  data.writeUInt16BE(beat.lane, 27);
  data.set(beat.nonce, 29);
  data.set(beat.echo, 37);
  tagOf(data, key).copy(data, signedLength);
  return data;
}

/** The id of the stream a datagram is a beat for, by its form alone; undefined for anything else. */
export function beatStreamId(data: Buffer): number | undefined {
  if (data.length !== beatLength || !data.subarray(0, magic.length).equals(magic)) return undefined;
  return data.readUInt32BE(5);
}

/** @param data of which {@link beatStreamId} knew the stream. @returns undefined when its author did not have the key */
export function decodeBeat(data: Buffer, key: Uint8Array): Beat | undefined {
  if (!timingSafeEqual(tagOf(data, key), data.subarray(signedLength))) return undefined;
  const flags = data.readUInt8(4);
  return {
    streamId: data.readUInt32BE(5),
    count: data.readUIntBE(9, 6),
    limit: data.readUIntBE(15, 6),
    ask: (flags & flag.ask) !== 0,
    finished: (flags & flag.finished) !== 0,
    gone: (flags & flag.gone) !== 0,
    received: data.readUIntBE(21, 6),
    lane: data.readUInt16BE(27),
    nonce: data.subarray(29, 37),
    echo: data.subarray(37, 45),
  };
}

/** HMAC-SHA256 cut to 128 bits (RFC 2104 section 5). */
function tagOf(data: Buffer, key: Uint8Array): Buffer {
  return createHmac('sha256', key).update(data.subarray(0, signedLength)).digest().subarray(0, tagLength);
}
