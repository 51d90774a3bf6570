import { ByteQueue } from './byte-queue.js';
import type { Segment } from './tcp-segment.js';

/** Bytes that may arrive before they are read. */
export const receiveLimit = 256 * 1024;

/** What the other end of a TCP connection sends, put into order (RFC 9293 §3.10.7.4). */
export class ReceiveBuffer {
  /** The sequence number that is expected next. */
  next = 0;
  /** Bytes that have arrived in order. */
  bytes = 0;
  finReceived = false;
  private readonly unread = new ByteQueue();
  /** What came before its turn, by its sequence number. */
  private readonly early = new Map<number, Segment>();

  /** @param onReadable there is more to read, or the other end has ended */
  constructor(private readonly onReadable: () => void) {}

  /** Bytes that there is room for. */
  get window(): number {
    return Math.max(0, receiveLimit - this.unread.length);
  }

  get hasUnread(): boolean {
    return this.unread.length > 0;
  }

  /** Everything was read, and the other end has ended. */
  get isEnded(): boolean {
    return this.finReceived && !this.hasUnread;
  }

  /** @returns what has arrived, in order; undefined when there is nothing */
  read(): Uint8Array | undefined {
    return this.unread.take(this.unread.length);
  }

  add(segment: Segment): void {
    const { seq } = segment.header;
    if (seq > this.next) {
      if (seq - this.next < receiveLimit) this.early.set(seq, segment);
      return;
    }
    this.take(segment);
    for (let next = this.early.get(this.next); next; next = this.early.get(this.next)) {
      this.early.delete(this.next);
      this.take(next);
    }
  }

  /** What begins at or before the next byte that is expected. */
  private take({ header, payload }: Segment): void {
    if (this.finReceived) return;
    const known = this.next - header.seq;
    const fresh = payload.subarray(known, known + this.window);
    const fin = header.flags.fin === true && known + fresh.length >= payload.length;
    if (fresh.length > 0) this.unread.push(fresh);
    this.bytes += fresh.length;
    this.next += fresh.length + (fin ? 1 : 0);
    this.finReceived = fin;
    if (fresh.length > 0 || fin) this.onReadable();
  }
}
