import type { Duplex } from 'node:stream';
import type { RatatoskrError } from './errors.js';
import type { PathDelays } from './frames/delay-meter.js';
import type { ByteStream } from './net.js';

/**
 * The two agents' signs of life on a path, of which the first comes sooner, so that its delays are known soon, and the silence after which it
 * counts as dead, in milliseconds.
 */
export const firstBeatMs = 250;
export const beatMs = 2250;
export const silenceMs = 4700;
/** How long the second half of a bridge may outlive the first, and the last words may take, in milliseconds. */
export const lingerMs = 500;

/** As {@link PumpOptions.keepBackMs}: the most, and the part of the round trip over the overlay that it is. */
const mostKeepBackMs = 250;
const keepBackPart = 5 / 8;

/** {@link PumpOptions.keepBackMs} for a path that takes the place of one with this round trip, in milliseconds: one way, and a quarter for who is late. */
export function keepBackFor(rttMs: number): number {
  return Math.min(mostKeepBackMs, rttMs * keepBackPart);
}

export interface PumpOptions {
  /** The stream to the other agent, at the point where the routers' begin. */
  readonly path: Duplex;
  /** The stream to the router. */
  readonly router: ByteStream;
  /** Keep the link out of the routers' tree, so that it serves its two ends and nobody else; the other end does the same. */
  readonly hidden: boolean;
  /**
   * How long the first traffic of the peer's is kept from the router, and what follows it, in milliseconds: what was sent before by a longer
   * way is to come first. yggdrasil drops each packet that another of its session has overtaken. @default 0
   */
  readonly keepBackMs?: number;
  /** Keys of the two routers, 32 bytes each. */
  readonly ownKey: Uint8Array;
  readonly peerKey: Uint8Array;
  /**
   * The chunks of both streams are lent: a stream may write its next to the same memory when the other has taken everything. The path's memory
   * has so many bytes; a chunk of fewer was all that there was.
   */
  readonly lentPathBytes?: number;
}

/** What has gone through so far. */
export interface PumpCounters {
  /** Bytes that have come on the path and gone out on it, with the agents' own frames. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Frames of tree building that were left out. */
  readonly dropped: number;
  /** Traffic frames between others than the two ends. */
  readonly transitIn: number;
  readonly transitOut: number;
}

/** Carries one bridge: frames of the routers both ways, and the agents' own between them on the path. */
export interface Pump {
  /** Resolves with the reason when the bridge is over and both streams are closed. Never rejects. */
  readonly ended: Promise<RatatoskrError>;
  readonly counters: PumpCounters;
  /** Undefined until the other agent has answered a beat. */
  readonly delays: PathDelays | undefined;
  /** Tells the other agent why and closes both streams. Resolves when they are. Idempotent. */
  end(reason: RatatoskrError): Promise<void>;
}

/** What has gone over a pump and how long it takes, for those who only look. */
export type PumpReadings = Pick<Pump, 'counters' | 'delays'>;

/** Whoever makes pumps. What it is given is its own from then on. */
export interface Pumps {
  start(options: PumpOptions): Pump;
}
