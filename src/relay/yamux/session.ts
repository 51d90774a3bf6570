import { setMaxListeners } from 'node:events';
import type { Duplex } from 'node:stream';
import { type Clock, every, type Timer } from '../../core/clock.js';
import { encodeFrame, FrameError, type FrameHeader, FrameReader, flag, frameType, goAwayCode, headerLength } from './frame.js';
import { YamuxStream } from './stream.js';

export interface SessionOptions {
  /** Who dialled is the client; its streams have odd numbers. */
  readonly role: 'client' | 'server';
  /** Streams at once, of both ends together. The other end's are reset when there would be more. */
  readonly maxStreams: number;
  /** Called for each stream that the other end opens, which the callee owns from then on. */
  readonly onStream: (stream: YamuxStream) => void;
  /** Called whenever the last stream has gone. */
  readonly onIdle?: () => void;
  /** Makes sure from time to time that the other end is there. @default it is not asked */
  readonly heartbeatClock?: Clock;
}

/** Pause between two pings, in milliseconds, and how many in a row may be followed by nothing at all. */
const beatMs = 500;
const mostUnheard = 4;

/** Body of a data frame: with its header it fills one TLS record. */
const maxBody = 16_384 - headerLength;
/** Who lets more than this wait unread, in bytes, asks on and does not read. */
const maxUnread = 512 * 1024;

/**
 * Several streams over one connection, each with a window of its own: one whose reader stands still holds up none of the others. The
 * connection itself is always read, and its bytes are never kept but in the windows of streams.
 */
export class YamuxSession {
  private readonly streams = new Map<number, YamuxStream>();
  /** Streams with something to send, in the order in which they take turns. */
  private readonly ready = new Set<YamuxStream>();
  private readonly over = new AbortController();
  private receiving: { readonly header: FrameHeader; readonly stream: YamuxStream | undefined } | undefined;
  private nextId: number;
  private lastOfOther = 0;
  private otherLeaves = false;
  private readonly beat: Timer | undefined;
  /** Pings since anything has come. */
  private unheard = 0;

  /** @param transport owned by the session from now on */
  constructor(
    private readonly transport: Duplex,
    private readonly options: SessionOptions,
  ) {
    this.nextId = options.role === 'client' ? 1 : 2;
    // Whoever waits on a stream may listen.
    setMaxListeners(0, this.closed);
    const reader = new FrameReader({
      onHeader: (header) => this.receive(header),
      onBody: (part) => this.receiving?.stream?.deliver(part),
      onBodyEnd: () => this.bodyReceived(),
    });
    transport.on('error', (error) => this.destroy(error));
    transport.on('end', () => this.destroy(new Error('the other end closed the connection')));
    transport.on('close', () => this.destroy(new Error('the connection is gone')));
    transport.on('drain', () => this.flush());
    transport.on('data', (chunk: Buffer) => {
      if (this.closed.aborted) return;
      this.unheard = 0;
      try {
        reader.push(chunk);
      } catch (error) {
        this.violated((error as Error).message);
      }
    });
    if (options.heartbeatClock) this.beat = every(options.heartbeatClock, beatMs, () => this.ping());
  }

  /** Aborts when the session is gone, with an Error. */
  get closed(): AbortSignal {
    return this.over.signal;
  }

  get streamCount(): number {
    return this.streams.size;
  }

  /** @throws Error when there may be no more streams */
  open(): YamuxStream {
    if (this.closed.aborted) throw this.closed.reason;
    if (this.otherLeaves) throw new Error('the other end takes no more streams');
    if (this.streams.size >= this.options.maxStreams) throw new Error('there are too many streams');
    const stream = this.add(this.nextId);
    this.nextId += 2;
    this.control({ type: frameType.windowUpdate, flags: flag.syn, stream: stream.id, length: 0 });
    return stream;
  }

  /** Ends the session and all its streams. Idempotent. */
  destroy(reason = new Error('this end closed the connection')): void {
    if (this.closed.aborted) return;
    this.over.abort(reason);
    this.beat?.cancel();
    for (const stream of [...this.streams.values()]) stream.cutOff(reason);
    this.ready.clear();
    this.transport.destroy();
  }

  /** Counts pings and not time: a process that was held up has not listened either. */
  private ping(): void {
    if (this.unheard >= mostUnheard) {
      this.destroy(new Error(`nothing has come for ${(beatMs * mostUnheard) / 1000} s`));
      return;
    }
    this.control({ type: frameType.ping, flags: flag.syn, stream: 0, length: 0 });
    this.unheard += 1;
  }

  private add(id: number): YamuxStream {
    const stream = new YamuxStream(id, {
      ready: (one) => {
        this.ready.add(one);
        this.flush();
      },
      grant: (one, length) => this.control({ type: frameType.windowUpdate, flags: 0, stream: one.id, length }),
      reset: (one) => this.control({ type: frameType.windowUpdate, flags: flag.rst, stream: one.id, length: 0 }),
      gone: (one) => {
        this.ready.delete(one);
        this.streams.delete(one.id);
        if (this.streams.size === 0 && !this.closed.aborted) this.options.onIdle?.();
      },
    });
    this.streams.set(id, stream);
    return stream;
  }

  /** @returns whether the session goes on */
  private receive(header: FrameHeader): boolean {
    if (header.type === frameType.ping) {
      if (header.flags & flag.syn) this.control({ ...header, flags: flag.ack, stream: 0 });
    } else if (header.type === frameType.goAway) {
      this.otherLeaves = true;
      if (header.length !== goAwayCode.normal) this.destroy(new Error(`the other end gave up with code ${header.length}`));
    } else {
      this.receiveForStream(header);
    }
    return !this.closed.aborted;
  }

  private receiveForStream(header: FrameHeader): void {
    if (header.flags & flag.syn) this.accept(header.stream);
    const stream = this.streams.get(header.stream);
    if (header.type === frameType.data) {
      // Of a stream that was reset here, as much may be under way as its window allowed.
      if (stream && !stream.expect(header.length)) throw new FrameError('a stream was sent more than it may be');
      this.receiving = { header, stream };
      return;
    }
    stream?.grow(header.length);
    this.finished(header, stream);
  }

  private bodyReceived(): void {
    const { receiving } = this;
    this.receiving = undefined;
    if (receiving) this.finished(receiving.header, receiving.stream);
  }

  private finished({ flags }: FrameHeader, stream: YamuxStream | undefined): void {
    if (flags & flag.fin) stream?.endReceived();
    if (flags & flag.rst) stream?.cutOff(Object.assign(new Error('the other end reset the stream'), { code: 'ECONNRESET' }));
  }

  private accept(id: number): void {
    const ofOther = id % 2 === (this.options.role === 'client' ? 0 : 1);
    if (!ofOther || id <= this.lastOfOther) throw new FrameError(`a stream was opened with the number ${id}`);
    this.lastOfOther = id;
    if (this.streams.size >= this.options.maxStreams) {
      this.control({ type: frameType.windowUpdate, flags: flag.rst, stream: id, length: 0 });
      return;
    }
    const stream = this.add(id);
    this.control({ type: frameType.windowUpdate, flags: flag.ack, stream: id, length: 0 });
    this.options.onStream(stream);
  }

  private violated(what: string): void {
    this.control({ type: frameType.goAway, flags: 0, stream: 0, length: goAwayCode.protocolError });
    this.destroy(new Error(`the other end broke the protocol: ${what}`));
  }

  /** Goes out at once; few bytes each, and few altogether from who reads what he is sent. */
  private control(header: FrameHeader): void {
    if (this.closed.aborted) return;
    this.transport.write(encodeFrame(header));
    if (this.transport.writableLength > maxUnread) this.destroy(new Error('the other end does not read'));
  }

  /** A frame of each stream in turn, as long as the connection takes them. */
  private flush(): void {
    for (const stream of this.ready) {
      if (this.closed.aborted || this.transport.writableNeedDrain) return;
      this.ready.delete(stream);
      const outgoing = stream.takeOutgoing(maxBody);
      if (outgoing === 'fin') {
        this.control({ type: frameType.windowUpdate, flags: flag.fin, stream: stream.id, length: 0 });
      } else if (outgoing) {
        const header = { type: frameType.data, flags: 0, stream: stream.id, length: outgoing.body.length };
        this.transport.write(encodeFrame(header, outgoing.body));
      }
      // A set is walked in the order of its entries: what is added again has its next turn after all others.
      if (stream.sendable) this.ready.add(stream);
    }
  }
}
