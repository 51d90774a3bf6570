import type { Readable, Writable } from 'node:stream';
import { FrameScanner, type Verdict } from './frame-scanner.js';

/** Frames of our own that may wait for the end of another. */
const maxInserts = 4;

export interface FrameLaneOptions {
  readonly source: Readable;
  readonly sink: Writable;
  /** What may wait in the sink before the source is paused, in bytes. */
  readonly maxWaiting: number;
  /** As {@link FrameScannerOptions.judge}. */
  readonly judge: (type: number) => Verdict;
  /** Keys of the router that speaks and of the one that listens. */
  readonly speaker: Uint8Array;
  readonly listener: Uint8Array;
  /**
   * So many bytes have come, whatever they are, and gone on as far as they may; the frame under way lacks so many yet (0 between frames).
   * @returns false when nothing more is to be read until {@link FrameLane.goOn}
   */
  onReceived?(count: number, missing: number): boolean;
  /** @returns whether part of a frame is worth handing on before its rest has come; as it comes where nobody is asked */
  handsOnParts?(): boolean;
  /** The first traffic comes. @returns false when it and what follows are to wait for {@link FrameLane.release} */
  onFirstTraffic?(): boolean;
  /** A frame was left out. */
  onDropped(): void;
  /** A frame for this agent. */
  onTaken?(body: Buffer): void;
  /** The source has come to its end, and the sink is closed. */
  onEnd(): void;
  /** @param error a BridgeError of the scanner */
  onFailure(error: unknown): void;
}

/** One direction of a link: what the source says goes to the sink, less what is left out, and with frames of our own in between. */
export class FrameLane {
  /** Bytes that have come and gone. */
  received = 0;
  sent = 0;
  /** Frames left out, and traffic frames between others than the two ends. */
  dropped = 0;
  transit = 0;
  /** The sink does not take more, so nothing is read. */
  full = false;
  /** Who was told of what has come wants no more for a while. */
  private held = false;
  /** What has come is not to go on yet. */
  private keptBack = false;
  private readonly scanner: FrameScanner;
  private readonly pieces: Buffer[] = [];
  private readonly inserts: Buffer[] = [];
  private over = false;

  constructor(private readonly options: FrameLaneOptions) {
    const { judge, speaker, listener, source, sink } = options;
    this.scanner = new FrameScanner({
      judge,
      source: speaker,
      destination: listener,
      sink: {
        pass: (bytes) => this.pieces.push(bytes),
        dropped: () => {
          this.dropped += 1;
          options.onDropped();
        },
        taken: (body) => options.onTaken?.(body),
        firstTraffic: () => {
          if (options.onFirstTraffic?.() === false) this.keepBack();
        },
        transit: () => {
          this.transit += 1;
        },
      },
    });
    sink.on('drain', () => {
      if (!this.full) return;
      this.full = false;
      this.read();
    });
    source.on('data', (chunk: Buffer) => this.forward(chunk));
    source.once('end', () => this.finish());
    // A stream that somebody has paused would stay so.
    source.resume();
  }

  /** Reads on after an {@link FrameLaneOptions.onReceived} that said no. */
  goOn(): void {
    this.held = false;
    this.read();
  }

  /** Ends the wait that an {@link FrameLaneOptions.onFirstTraffic} asked for. */
  release(): void {
    this.keptBack = false;
    if (this.over) return;
    this.write();
    this.read();
  }

  /** Puts a whole frame between two others, now or as soon as one has ended. */
  insert(frame: Buffer): void {
    if (this.over || this.inserts.length === maxInserts) return;
    this.inserts.push(frame);
    this.placeInserts();
    this.write();
  }

  /** Closes the sink after what was written. Idempotent. */
  finish(): void {
    if (this.over) return;
    this.over = true;
    this.write();
    this.options.sink.end();
    this.options.onEnd();
  }

  private keepBack(): void {
    this.keptBack = true;
    this.options.source.pause();
  }

  private forward(chunk: Buffer): void {
    if (this.over) return;
    this.received += chunk.length;
    try {
      const { untilBoundary } = this.scanner;
      const isPart = chunk.length < untilBoundary && Number.isFinite(untilBoundary);
      if (this.inserts.length > 0 && untilBoundary <= chunk.length) {
        this.scanner.scan(chunk.subarray(0, untilBoundary));
        this.placeInserts();
        this.scanner.scan(chunk.subarray(untilBoundary));
      } else this.scanner.scan(chunk);
      this.placeInserts();
      if (isPart && this.options.handsOnParts?.() === false) this.keepPart();
      else this.write();
    } catch (error) {
      this.options.onFailure(error);
      return;
    }
    this.tell(chunk.length);
  }

  private tell(count: number): void {
    const { untilBoundary: missing } = this.scanner;
    if (this.over || this.options.onReceived?.(count, Number.isFinite(missing) ? missing : 0) !== false) return;
    this.held = true;
    this.options.source.pause();
  }

  /** What is lent for the time of a call is kept as a copy. */
  private keepPart(): void {
    const last = this.pieces.pop();
    if (last) this.pieces.push(Buffer.from(last));
  }

  private placeInserts(): void {
    if (this.inserts.length > 0 && this.scanner.untilBoundary === 0) this.pieces.push(...this.inserts.splice(0));
  }

  private write(): void {
    if (this.keptBack) return;
    const { sink, source, maxWaiting } = this.options;
    const several = this.pieces.length > 1;
    if (several) sink.cork();
    for (let piece = this.pieces.shift(); piece; piece = this.pieces.shift()) {
      this.sent += piece.length;
      sink.write(piece);
    }
    if (several) sink.uncork();
    if (sink.writableLength <= maxWaiting) return;
    this.full = true;
    source.pause();
  }

  private read(): void {
    if (!this.full && !this.held && !this.keptBack) this.options.source.resume();
  }
}
