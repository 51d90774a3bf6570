import type { Timer } from '../core/clock.js';
import type { TcpInfo, TcpTuning } from '../core/net.js';
import { ByteQueue } from './byte-queue.js';
import { CongestionWindow, maxSegment } from './congestion-window.js';
import type { TcpFlags, TcpHeader } from './packet.js';
import { RetransmissionTimer } from './retransmission-timer.js';
import { systemError } from './system-error.js';
import type { VirtualClock } from './virtual-clock.js';

/** Bytes that may arrive before they are read. */
const receiveLimit = 256 * 1024;
/** Milliseconds that data may go without an acknowledgement where nobody tuned it: about what Linux waits. */
const defaultUserTimeoutMs = 924_000;
/** How long a connection that both ends have ended is remembered, in milliseconds, to answer a FIN that comes again. */
const timeWaitMs = 1000;
/** How long an end that nobody holds any more waits for the other's, in milliseconds. */
const orphanMs = 60_000;
const keepAliveProbes = 5;

export interface Segment {
  readonly header: TcpHeader;
  readonly payload: Uint8Array;
}

export interface TcpEndpointEvents {
  transmit(segment: Segment): void;
  /** The handshake has ended. */
  onOpen(): void;
  /** There is more to read, or the other end has ended. */
  onReadable(): void;
  /** There is room to write again. */
  onWritable(): void;
  /** It is broken. Called once at most. */
  onError(error: Error): void;
  /** Nothing of it is left. Called once. */
  onGone(): void;
}

interface InFlight {
  readonly seq: number;
  readonly length: number;
  readonly flags: TcpFlags;
  readonly payload: Uint8Array;
  readonly firstSentAt: number;
  sentAgain: boolean;
}

/** One end of a TCP connection (RFC 9293): the state machine, without sockets or streams. */
export class TcpEndpoint {
  private state: 'syn-sent' | 'syn-received' | 'established' | 'time-wait' | 'gone' = 'syn-sent';
  private readonly unsent = new ByteQueue();
  private readonly unread = new ByteQueue();
  private readonly inFlight: InFlight[] = [];
  private readonly early = new Map<number, Segment>();
  private readonly congestion = new CongestionWindow();
  private readonly retransmission: RetransmissionTimer;
  private sendNext: number;
  private acknowledged: number;
  private peerWindow = maxSegment;
  private receiveNext = 0;
  private announcedWindow = receiveLimit;
  private finWanted = false;
  private finSent = false;
  private finReceived = false;
  /** Nobody reads it any more. */
  private released = false;
  private tuning: TcpTuning = {};
  private idleTimer: Timer | undefined;
  private lastHeardAt: number;
  private readonly counts = { segmentsOut: 0, segmentsIn: 0, bytesOut: 0, bytesIn: 0, retransmits: 0 };

  /** @param initialSeq its initial sequence number */
  constructor(
    private readonly clock: VirtualClock,
    private readonly initialSeq: number,
    private readonly events: TcpEndpointEvents,
  ) {
    this.sendNext = initialSeq;
    this.acknowledged = initialSeq;
    this.lastHeardAt = clock.now();
    this.retransmission = new RetransmissionTimer(clock, () => this.sendAgain());
  }

  get isOpen(): boolean {
    return this.state === 'established';
  }

  /** The port may be used for the same connection again (RFC 9293 §3.6.1). */
  get isWaiting(): boolean {
    return this.state === 'time-wait';
  }

  /** Everything that the other end has sent was read, and it has ended. */
  get isEnded(): boolean {
    return this.finReceived && this.unread.length === 0;
  }

  /** Bytes written and not yet acknowledged. */
  get backlog(): number {
    return this.unsent.length + (this.sendNext - this.acknowledged);
  }

  get info(): TcpInfo {
    const { segmentsOut, segmentsIn, bytesOut, bytesIn, retransmits } = this.counts;
    const rttMs = this.retransmission.smoothedMs ?? 0;
    return { rttMs, congestion: 'reno', segmentsOut, segmentsIn, bytesOut, bytesIn, retransmits };
  }

  tune(tuning: TcpTuning): void {
    this.tuning = { ...this.tuning, ...tuning };
    this.watchIdleness();
  }

  /** Active open. */
  connect(): void {
    this.transmitNew({ syn: true }, new Uint8Array(0));
  }

  /** Passive open, by the SYN that came in. */
  accept({ header }: Segment): void {
    this.state = 'syn-received';
    this.receiveNext = header.seq + 1;
    this.peerWindow = header.window;
    this.transmitNew({ syn: true, ack: true }, new Uint8Array(0));
  }

  write(data: Uint8Array): void {
    this.unsent.push(data);
    this.transmitWaiting();
  }

  /** Ends this direction, after what was written. */
  shutdown(): void {
    this.finWanted = true;
    this.transmitWaiting();
  }

  /** @returns what has arrived, in order; undefined when there is nothing */
  read(): Uint8Array | undefined {
    const data = this.unread.take(this.unread.length);
    const window = receiveLimit - this.unread.length;
    if (data && this.announcedWindow < maxSegment && window >= maxSegment) this.transmit({ ack: true });
    return data;
  }

  /** Nobody holds it any more: what was written still goes out, unless what has arrived was never read (RFC 2525 §2.17). */
  release(): void {
    if (this.released || this.state === 'gone') return;
    this.released = true;
    if (this.state === 'syn-sent') {
      this.end();
      return;
    }
    if (this.unread.length > 0) {
      this.reset();
      return;
    }
    this.shutdown();
    this.clock.schedule(orphanMs, () => this.end());
    this.endIfDone();
  }

  /** Ends it with a RST. */
  reset(): void {
    if (this.state === 'gone') return;
    if (this.state !== 'syn-sent' && this.state !== 'time-wait') this.transmit({ rst: true, ack: true });
    this.end();
  }

  /** Breaks it from this side. */
  fail(error: Error): void {
    if (this.state === 'gone') return;
    const told = !this.released && this.state !== 'time-wait';
    this.end();
    if (told) this.events.onError(error);
  }

  receive(segment: Segment): void {
    if (this.state === 'gone') return;
    this.counts.segmentsIn += 1;
    this.lastHeardAt = this.clock.now();
    if (this.state === 'syn-sent') this.receiveWhileOpening(segment);
    else if (segment.header.flags.rst) this.receiveReset(segment);
    else if (segment.header.flags.syn) this.receiveSyn(segment);
    else this.receiveOrdinary(segment);
  }

  /** RFC 9293 §3.10.7.3, SYN-SENT. */
  private receiveWhileOpening({ header }: Segment): void {
    const { flags, seq, ack, window } = header;
    const acceptable = flags.ack && ack === this.initialSeq + 1;
    if (flags.rst) {
      if (acceptable) this.fail(systemError('ECONNREFUSED', 'connect', ''));
      return;
    }
    if (flags.ack && !acceptable) {
      // An answer to somebody else's SYN: its sender must not wait for us.
      this.events.transmit({ header: { seq: ack, ack: 0, flags: { rst: true }, window: 0 }, payload: new Uint8Array(0) });
      return;
    }
    if (!flags.syn) return;
    this.receiveNext = seq + 1;
    this.peerWindow = window;
    if (acceptable) {
      this.acceptAcknowledgement(ack);
      this.open();
      return;
    }
    // Both ends opened at once (RFC 9293 §3.5, figure 7).
    this.state = 'syn-received';
    this.transmit({ syn: true, ack: true }, this.initialSeq);
  }

  private receiveReset({ header }: Segment): void {
    if (header.seq < this.receiveNext || header.seq > this.receiveNext + receiveLimit) return;
    const code = this.state === 'syn-received' ? 'ECONNREFUSED' : 'ECONNRESET';
    this.fail(systemError(code, 'read', ''));
  }

  private receiveSyn({ header }: Segment): void {
    const { flags, ack, seq, window } = header;
    // The other end's SYN again, or its answer to ours while both open.
    if (seq + 1 !== this.receiveNext) return;
    if (this.state === 'syn-received' && flags.ack && ack === this.initialSeq + 1) {
      this.peerWindow = window;
      this.acceptAcknowledgement(ack);
      this.open();
    }
    if (this.state === 'syn-received') this.transmit({ syn: true, ack: true }, this.initialSeq);
    else this.transmit({ ack: true });
  }

  private receiveOrdinary(segment: Segment): void {
    const { flags, seq, ack, window } = segment.header;
    const { payload } = segment;
    if (!flags.ack || ack > this.sendNext) return;
    if (this.state === 'syn-received') {
      if (ack !== this.initialSeq + 1) return;
      this.acceptAcknowledgement(ack);
      this.open();
    } else this.acknowledge(segment);
    this.peerWindow = window;
    if (payload.length > 0 || flags.fin) this.receiveData(segment);
    else if (seq === this.receiveNext - 1) this.transmit({ ack: true });
    this.transmitWaiting();
    this.endIfDone();
  }

  private open(): void {
    this.state = 'established';
    this.transmit({ ack: true });
    this.watchIdleness();
    this.events.onOpen();
    this.transmitWaiting();
  }

  private acknowledge({ header: { ack, window, flags }, payload }: Segment): void {
    const before = this.acknowledged;
    if (ack > before) {
      this.acceptAcknowledgement(ack);
      if (this.congestion.acknowledged(ack - before, ack) === 'send-again') this.sendFirstAgain();
      if (this.unsent.length === 0 || this.backlog < receiveLimit) this.events.onWritable();
    } else if (payload.length === 0 && !flags.fin && window === this.peerWindow && this.inFlight.length > 0) {
      if (this.congestion.duplicate(this.sendNext)) this.sendFirstAgain();
    }
  }

  private acceptAcknowledgement(ack: number): void {
    for (let first = this.inFlight[0]; first && first.seq + first.length <= ack; first = this.inFlight[0]) {
      this.inFlight.shift();
      if (!first.sentAgain) this.retransmission.sample(this.clock.now() - first.firstSentAt);
      this.counts.bytesOut += first.payload.length;
    }
    this.acknowledged = Math.max(this.acknowledged, ack);
    this.retransmission.restart(this.inFlight.length > 0);
  }

  private receiveData(segment: Segment): void {
    const { seq } = segment.header;
    if (this.released && segment.payload.length > 0) {
      this.reset();
      return;
    }
    if (seq > this.receiveNext) {
      if (seq - this.receiveNext < receiveLimit) this.early.set(seq, segment);
    } else {
      this.take(segment);
      for (let next = this.early.get(this.receiveNext); next; next = this.early.get(this.receiveNext)) {
        this.early.delete(this.receiveNext);
        this.take(next);
      }
    }
    this.transmit({ ack: true });
  }

  /** What begins at or before the next byte that is expected. */
  private take({ header, payload }: Segment): void {
    if (this.finReceived) return;
    const known = this.receiveNext - header.seq;
    const room = receiveLimit - this.unread.length;
    const fresh = payload.subarray(known, known + room);
    const fin = header.flags.fin === true && known + fresh.length >= payload.length;
    if (fresh.length > 0) this.unread.push(fresh);
    this.counts.bytesIn += fresh.length;
    this.receiveNext += fresh.length + (fin ? 1 : 0);
    this.finReceived = fin;
    if (fresh.length > 0 || fin) this.events.onReadable();
  }

  private transmitWaiting(): void {
    if (this.state !== 'established') return;
    for (;;) {
      const window = Math.min(Math.floor(this.congestion.bytes), this.peerWindow) - (this.sendNext - this.acknowledged);
      const payload = this.unsent.take(Math.min(maxSegment, window));
      if (!payload) break;
      this.transmitNew({ ack: true }, payload);
    }
    if (this.unsent.length > 0 && this.inFlight.length === 0) {
      // The other end has no room: one byte asks again and again whether it has (RFC 9293 §3.8.6.1).
      const probe = this.unsent.take(1);
      if (probe) this.transmitNew({ ack: true }, probe);
    }
    if (this.finWanted && !this.finSent && this.unsent.length === 0) {
      this.finSent = true;
      this.transmitNew({ fin: true, ack: true }, new Uint8Array(0));
    }
  }

  private transmitNew(flags: TcpFlags, payload: Uint8Array): void {
    const length = payload.length + (flags.syn || flags.fin ? 1 : 0);
    const seq = this.sendNext;
    this.inFlight.push({ seq, length, flags, payload, firstSentAt: this.clock.now(), sentAgain: false });
    this.sendNext += length;
    if (this.inFlight.length === 1) this.retransmission.restart(true);
    this.transmit(flags, seq, payload);
  }

  private transmit(flags: TcpFlags, seq = this.sendNext, payload: Uint8Array = new Uint8Array(0)): void {
    this.counts.segmentsOut += 1;
    this.announcedWindow = Math.max(0, receiveLimit - this.unread.length);
    const header = { seq, ack: flags.ack ? this.receiveNext : 0, flags, window: this.announcedWindow };
    this.events.transmit({ header, payload });
  }

  private sendAgain(): void {
    const [first] = this.inFlight;
    if (!first) return;
    const { userTimeoutMs = defaultUserTimeoutMs } = this.tuning;
    const silentMs = this.clock.now() - Math.max(first.firstSentAt, this.peerWindow < maxSegment ? this.lastHeardAt : 0);
    if (silentMs >= userTimeoutMs) {
      this.fail(systemError('ETIMEDOUT', 'read', ''));
      return;
    }
    this.congestion.timedOut(this.sendNext);
    this.sendFirstAgain();
    this.retransmission.restart(true);
  }

  private sendFirstAgain(): void {
    const [first] = this.inFlight;
    if (!first) return;
    first.sentAgain = true;
    this.counts.retransmits += 1;
    const flags = first.flags.syn && this.state === 'syn-received' ? { syn: true, ack: true } : first.flags;
    this.transmit(flags, first.seq, first.payload);
  }

  /** Probes an idle line, and gives up one that does not answer. */
  private watchIdleness(): void {
    this.idleTimer?.cancel();
    const { keepAliveMs, userTimeoutMs = (keepAliveMs ?? 0) * (keepAliveProbes + 1) } = this.tuning;
    if (keepAliveMs === undefined || this.state !== 'established') return;
    this.idleTimer = this.clock.schedule(keepAliveMs, () => {
      const silentMs = this.clock.now() - this.lastHeardAt;
      if (silentMs >= Math.max(userTimeoutMs, keepAliveMs)) return this.fail(systemError('ETIMEDOUT', 'read', ''));
      if (silentMs >= keepAliveMs && this.inFlight.length === 0) this.transmit({ ack: true }, this.sendNext - 1);
      this.watchIdleness();
      return undefined;
    });
  }

  private endIfDone(): void {
    if (this.state !== 'established' || !this.finReceived || !this.finSent || this.inFlight.length > 0) return;
    this.state = 'time-wait';
    this.idleTimer?.cancel();
    this.clock.schedule(timeWaitMs, () => this.end());
  }

  private end(): void {
    if (this.state === 'gone') return;
    this.state = 'gone';
    this.idleTimer?.cancel();
    this.retransmission.restart(false);
    this.events.onGone();
  }
}
