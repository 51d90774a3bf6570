import { BridgeError } from '../errors.js';
import { frameType, handshakeMagic, maxAgentFrameBytes, maxFrameBytes, minHandshakeBytes } from './frame-types.js';
import { TrafficAddresses } from './traffic-addresses.js';

/** Bytes of the handshake before its length is known, and the most that a frame has before its body. */
const handshakeHead = handshakeMagic.length + 2;
const longestLength = 3;
const lengthBits = 7;

/** What becomes of a frame: it goes on, it is left out, or it was meant for this agent. */
export type Verdict = 'pass' | 'drop' | 'take';

interface FrameSink {
  /** Bytes that go on, in order: of the handshake and of frames that pass, whole or in part. */
  pass(bytes: Buffer): void;
  /** A frame of this type is left out. */
  dropped(type: number): void;
  /** The body of a frame for this agent. */
  taken(body: Buffer): void;
  /** Traffic begins, once: none of it has been passed yet. */
  firstTraffic?(): void;
  /** A traffic frame that does not go from one end of the link to the other. */
  transit(): void;
}

export interface FrameScannerOptions {
  /** Who is asked what becomes of each frame, by its type. @throws BridgeError when the sender may not send it */
  readonly judge: (type: number) => Verdict;
  readonly sink: FrameSink;
  /** Keys that traffic frames in this direction have when they serve the two ends of the link, 32 bytes each. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

/**
 * Finds the frames in one direction of a link, however its bytes are cut. Bodies are not kept: they go on as they come, so what
 * it holds at any time is the head of one frame, or one frame for this agent.
 */
export class FrameScanner {
  private stage: 'greeting' | 'head' | 'body' | 'broken' = 'greeting';
  /** Bytes of a head that has not come to its end. */
  private readonly held = Buffer.alloc(handshakeHead);
  private heldLength = 0;
  private length = 0;
  /** Bytes of the body under way that are still to come, and what becomes of it. */
  private left = 0;
  private verdict: Verdict = 'pass';
  private readonly body = Buffer.alloc(maxAgentFrameBytes);
  private bodyLength = 0;
  private hadTraffic = false;
  private readonly addresses: TrafficAddresses;

  constructor(private readonly options: FrameScannerOptions) {
    this.addresses = new TrafficAddresses(options.source, options.destination);
  }

  /**
   * How many bytes must pass until a frame of ours may stand among what has passed: 0 between frames. Infinity while that
   * cannot be told, for the handshake comes first, and for ever when the stream was refused.
   */
  get untilBoundary(): number {
    if (this.stage === 'body') return this.verdict === 'pass' ? this.left : 0;
    return this.stage === 'head' ? 0 : Number.POSITIVE_INFINITY;
  }

  /** @throws BridgeError LINK_MALFORMED; nothing that comes later is looked at */
  scan(chunk: Buffer): void {
    if (this.stage === 'broken') throw malformed('went on after it was refused');
    try {
      this.walk(chunk);
    } catch (error) {
      this.stage = 'broken';
      throw error;
    }
  }

  private walk(chunk: Buffer): void {
    const { sink } = this.options;
    /** Where the bytes begin that pass and have not been handed on. */
    let run = 0;
    let at = 0;
    const passUpTo = (end: number) => {
      if (end > run) sink.pass(run === 0 && end === chunk.length ? chunk : chunk.subarray(run, end));
    };
    while (at < chunk.length) {
      if (this.stage === 'body') {
        const end = Math.min(at + this.left, chunk.length);
        this.readBody(chunk, at, end);
        at = end;
        if (this.verdict !== 'pass') run = at;
        continue;
      }
      const from = at;
      const resumed = this.heldLength > 0;
      let complete = false;
      while (at < chunk.length && !complete) complete = this.readHead(chunk[at++] ?? 0);
      if (!complete) {
        passUpTo(from);
        return;
      }
      this.begin();
      if (this.verdict === 'pass') {
        if (resumed) {
          sink.pass(Buffer.from(this.held.subarray(0, this.heldLength)));
          run = at;
        }
      } else {
        passUpTo(from);
        run = at;
      }
      this.heldLength = 0;
      this.enter();
    }
    passUpTo(chunk.length);
  }

  /** Takes one byte of a head. @returns whether it was the last */
  private readHead(byte: number): boolean {
    const index = this.heldLength;
    this.held[index] = byte;
    this.heldLength = index + 1;
    if (this.stage === 'greeting') {
      if (index < handshakeMagic.length && byte !== handshakeMagic[index]) throw malformed('does not begin as yggdrasil’s do');
      if (this.heldLength < handshakeHead) return false;
      this.length = this.held.readUInt16BE(handshakeMagic.length);
      if (this.length < minHandshakeBytes) throw malformed('has a handshake that is too short');
      return true;
    }
    if (index > 0 && (this.held[index - 1] ?? 0) < 0x80) return true;
    if (index === 0) this.length = 0;
    this.length |= (byte & 0x7f) << (lengthBits * index);
    if (byte >= 0x80) {
      if (this.heldLength === longestLength) throw malformed('has a frame whose length has no end');
    } else if (this.length === 0) throw malformed('has an empty frame');
    else if (this.length > maxFrameBytes) throw malformed(`has a frame of ${this.length} bytes`);
    return false;
  }

  /** A head is complete. */
  private begin(): void {
    this.left = this.length;
    this.verdict = 'pass';
    this.bodyLength = 0;
    this.addresses.close();
    if (this.stage === 'greeting') return;
    const type = this.held[this.heldLength - 1] ?? 0;
    this.left -= 1;
    this.verdict = this.options.judge(type);
    if (this.verdict === 'take' && this.left > maxAgentFrameBytes) throw malformed('has a frame between agents that is too long');
    if (this.verdict === 'drop') this.options.sink.dropped(type);
    else if (type === frameType.traffic) {
      this.addresses.open();
      if (!this.hadTraffic) this.options.sink.firstTraffic?.();
      this.hadTraffic = true;
    }
  }

  private enter(): void {
    this.stage = 'body';
    if (this.left === 0) this.leave();
  }

  private readBody(chunk: Buffer, from: number, to: number): void {
    this.left -= to - from;
    if (this.verdict === 'take') {
      chunk.copy(this.body, this.bodyLength, from, to);
      this.bodyLength += to - from;
    } else if (this.addresses.wanted && this.addresses.read(chunk, from, to) === 'transit') this.options.sink.transit();
    if (this.left === 0) this.leave();
  }

  private leave(): void {
    this.stage = 'head';
    if (this.verdict === 'take') this.options.sink.taken(Buffer.from(this.body.subarray(0, this.bodyLength)));
  }
}

function malformed(what: string): BridgeError {
  return new BridgeError('LINK_MALFORMED', `A stream between two routers ${what}.`);
}
