import { frameType } from './frame-types.js';

/**
 * What two agents say to each other between the frames of their routers. A body is a kind and its fields, big-endian; a kind
 * that this version does not know is ignored, as are bytes after the last field.
 */
export type AgentFrame = Beat | End;

/**
 * Said all the time: the sender lives, and when it heard the other's last beat. Four times make one round trip and, with the
 * clocks' difference found, both one-way delays (RFC 5905 section 8). Times are microseconds on each end's own clock.
 */
export interface Beat {
  readonly kind: 'beat';
  /** When this one was sent. */
  readonly sentAt: number;
  /** The `sentAt` of the other end's last beat, and when that came; zeros before the first. */
  readonly echo: number;
  readonly heardAt: number;
  /** Bytes that have come to the sender on the path in all. */
  readonly received: number;
}

/** The last frame: the sender takes the bridge down. */
interface End {
  readonly kind: 'end';
  readonly code: string;
  readonly message: string;
}

const kinds = { beat: 1, end: 2 } as const;
/** Times and counts have 48 bits: 8.9 years, 281 TB. */
const numberBytes = 6;
const numberRange = 2 ** 48;
const beatBytes = 1 + 4 * numberBytes;
const maxMessageBytes = 200;
const codeForm = /^[A-Z][A-Z0-9_]{0,63}$/;

/** A whole frame, its length and type included. */
export function encodeAgentFrame(frame: AgentFrame): Buffer {
  const body = frame.kind === 'beat' ? encodeBeat(frame) : encodeEnd(frame);
  const length = body.length + 1;
  const head = length < 0x80 ? [length] : [(length & 0x7f) | 0x80, length >> 7];
  return Buffer.concat([Buffer.from([...head, frameType.agent]), body]);
}

/** @returns undefined for a kind that this version does not know, and for what is no frame of its kind */
export function decodeAgentFrame(body: Buffer): AgentFrame | undefined {
  if (body[0] === kinds.beat && body.length >= beatBytes) {
    const [sentAt = 0, echo = 0, heardAt = 0, received = 0] = [0, 1, 2, 3].map((index) =>
      body.readUIntBE(1 + index * numberBytes, numberBytes),
    );
    return { kind: 'beat', sentAt, echo, heardAt, received };
  }
  if (body[0] !== kinds.end) return undefined;
  const codeEnd = 2 + (body[1] ?? 0);
  const code = body.toString('latin1', 2, codeEnd);
  if (codeEnd > body.length || !codeForm.test(code)) return undefined;
  return { kind: 'end', code, message: printable(body.toString('utf8', codeEnd)) };
}

function encodeBeat({ sentAt, echo, heardAt, received }: Beat): Buffer {
  const body = Buffer.alloc(beatBytes);
  body.writeUInt8(kinds.beat, 0);
  for (const [index, value] of [sentAt, echo, heardAt, received].entries()) {
    body.writeUIntBE(Math.floor(value) % numberRange, 1 + index * numberBytes, numberBytes);
  }
  return body;
}

function encodeEnd({ code, message }: End): Buffer {
  const text = Buffer.from(message).subarray(0, maxMessageBytes);
  return Buffer.concat([Buffer.from([kinds.end, code.length]), Buffer.from(code, 'latin1'), text]);
}

/** The other end's words end up in our log. */
function printable(text: string): string {
  return text.replace(/\p{C}/gu, ' ').slice(0, maxMessageBytes);
}
