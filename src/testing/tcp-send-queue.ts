import { ByteQueue } from './byte-queue.js';
import { CongestionWindow, maxSegment } from './congestion-window.js';
import type { TcpFlags } from './packet.js';
import { RetransmissionTimer } from './retransmission-timer.js';
import type { VirtualClock } from './virtual-clock.js';

const nothing = new Uint8Array(0);

export interface SendQueueEvents {
  transmit(flags: TcpFlags, seq: number, payload: Uint8Array): void;
  /** There is room to write again. */
  onWritable(): void;
  /** Something was not acknowledged in its time. @param silentMs for how long there was no progress @returns whether to go on */
  onOverdue(silentMs: number): boolean;
}

interface InFlight {
  readonly seq: number;
  readonly length: number;
  readonly flags: TcpFlags;
  readonly payload: Uint8Array;
  readonly firstSentAt: number;
  sentAgain: boolean;
}

/** What goes to the other end of a TCP connection, until it is acknowledged: windows, retransmission, SYN and FIN among the bytes. */
export class SendQueue {
  /** What the other end has room for. */
  peerWindow = maxSegment;
  /** How a SYN is sent again: with an ACK, once the other's has come. */
  syn: TcpFlags = { syn: true };
  next: number;
  finSent = false;
  /** Bytes acknowledged, and segments sent again. */
  bytes = 0;
  retransmits = 0;
  private acknowledged: number;
  private finWanted = false;
  private readonly unsent = new ByteQueue();
  private readonly inFlight: InFlight[] = [];
  private readonly congestion = new CongestionWindow();
  private readonly retransmission: RetransmissionTimer;

  constructor(
    private readonly clock: VirtualClock,
    /** Its initial sequence number. */
    readonly initial: number,
    private readonly events: SendQueueEvents,
  ) {
    this.next = initial;
    this.acknowledged = initial;
    this.retransmission = new RetransmissionTimer(clock, () => this.overdue());
  }

  /** Bytes written and not yet acknowledged. */
  get backlog(): number {
    return this.unsent.length + (this.next - this.acknowledged);
  }

  /** Nothing is under way. */
  get isIdle(): boolean {
    return this.inFlight.length === 0;
  }

  /** Smoothed, in milliseconds. */
  get rttMs(): number {
    return this.retransmission.smoothedMs ?? 0;
  }

  open(): void {
    this.transmitNew(this.syn, nothing);
  }

  write(data: Uint8Array): void {
    this.unsent.push(data);
  }

  /** A FIN goes after what was written. */
  end(): void {
    this.finWanted = true;
  }

  /** Sends what the windows allow. */
  flush(): void {
    for (;;) {
      const window = Math.min(Math.floor(this.congestion.bytes), this.peerWindow) - (this.next - this.acknowledged);
      const payload = this.unsent.take(Math.min(maxSegment, window));
      if (!payload) break;
      this.transmitNew({ ack: true }, payload);
    }
    if (this.unsent.length > 0 && this.isIdle) {
      // The other end has no room: one byte asks again and again whether it has (RFC 9293 §3.8.6.1).
      const probe = this.unsent.take(1);
      if (probe) this.transmitNew({ ack: true }, probe);
    }
    if (this.finWanted && !this.finSent && this.unsent.length === 0) {
      this.finSent = true;
      this.transmitNew({ fin: true, ack: true }, nothing);
    }
  }

  /** @param isBare the segment held nothing else, and told of no other window */
  acknowledge(ack: number, isBare: boolean): void {
    const before = this.acknowledged;
    if (ack > before) {
      this.accept(ack);
      if (this.congestion.acknowledged(ack - before, ack) === 'send-again') this.sendFirstAgain();
      this.events.onWritable();
    } else if (isBare && !this.isIdle && this.congestion.duplicate(this.next)) this.sendFirstAgain();
  }

  /** As {@link acknowledge}, while opening. */
  accept(ack: number): void {
    for (let first = this.inFlight[0]; first && first.seq + first.length <= ack; first = this.inFlight[0]) {
      this.inFlight.shift();
      if (!first.sentAgain) this.retransmission.sample(this.clock.now() - first.firstSentAt);
      this.bytes += first.payload.length;
    }
    this.acknowledged = Math.max(this.acknowledged, ack);
    this.retransmission.restart(!this.isIdle);
  }

  stop(): void {
    this.retransmission.restart(false);
  }

  private transmitNew(flags: TcpFlags, payload: Uint8Array): void {
    const length = payload.length + (flags.syn || flags.fin ? 1 : 0);
    const seq = this.next;
    this.inFlight.push({ seq, length, flags, payload, firstSentAt: this.clock.now(), sentAgain: false });
    this.next += length;
    if (this.inFlight.length === 1) this.retransmission.restart(true);
    this.events.transmit(flags, seq, payload);
  }

  private overdue(): void {
    const [first] = this.inFlight;
    if (!first || !this.events.onOverdue(this.clock.now() - first.firstSentAt)) return;
    this.congestion.timedOut(this.next);
    this.sendFirstAgain();
    this.retransmission.restart(true);
  }

  private sendFirstAgain(): void {
    const [first] = this.inFlight;
    if (!first) return;
    first.sentAgain = true;
    this.retransmits += 1;
    this.events.transmit(first.flags.syn ? this.syn : first.flags, first.seq, first.payload);
  }
}
