import type { Timer } from '../core/clock.js';
import type { TcpInfo, TcpTuning } from '../core/net.js';
import { maxSegment } from './congestion-window.js';
import type { TcpFlags } from './packet.js';
import { systemError } from './system-error.js';
import { ReceiveBuffer, receiveLimit } from './tcp-receive-buffer.js';
import type { Segment } from './tcp-segment.js';
import { SendQueue } from './tcp-send-queue.js';
import type { VirtualClock } from './virtual-clock.js';

/** Milliseconds that data may go without an acknowledgement where nobody tuned it: about what Linux waits. */
const defaultUserTimeoutMs = 924_000;
/** How long a connection that both ends have ended is remembered, in milliseconds, to answer a FIN that comes again. */
const timeWaitMs = 1000;
/** How long an end that nobody holds any more waits for the other's, in milliseconds. */
const orphanMs = 60_000;
const keepAliveProbes = 5;

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

/** One end of a TCP connection (RFC 9293): the state machine, without sockets or streams. */
export class TcpEndpoint {
  private state: 'syn-sent' | 'syn-received' | 'established' | 'time-wait' | 'gone' = 'syn-sent';
  private readonly incoming: ReceiveBuffer;
  private readonly outgoing: SendQueue;
  private announcedWindow = receiveLimit;
  /** Nobody reads it any more. */
  private released = false;
  private tuning: TcpTuning = {};
  private idleTimer: Timer | undefined;
  private lastHeardAt: number;
  private readonly counts = { segmentsOut: 0, segmentsIn: 0 };

  /** @param initialSeq its initial sequence number */
  constructor(
    private readonly clock: VirtualClock,
    initialSeq: number,
    private readonly events: TcpEndpointEvents,
  ) {
    this.lastHeardAt = clock.now();
    this.incoming = new ReceiveBuffer(() => events.onReadable());
    this.outgoing = new SendQueue(clock, initialSeq, {
      transmit: (flags, seq, payload) => this.transmit(flags, seq, payload),
      onWritable: () => events.onWritable(),
      onOverdue: (silentMs) => this.mayGoOn(silentMs),
    });
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
    return this.incoming.isEnded;
  }

  /** Bytes written and not yet acknowledged. */
  get backlog(): number {
    return this.outgoing.backlog;
  }

  get info(): TcpInfo {
    const { counts, incoming, outgoing } = this;
    const { rttMs, bytes: bytesOut, retransmits } = outgoing;
    return { rttMs, congestion: 'reno', ...counts, bytesOut, bytesIn: incoming.bytes, retransmits };
  }

  tune(tuning: TcpTuning): void {
    this.tuning = { ...this.tuning, ...tuning };
    this.watchIdleness();
  }

  /** Active open. */
  connect(): void {
    this.outgoing.open();
  }

  /** Passive open, by the SYN that came in. */
  accept({ header }: Segment): void {
    this.state = 'syn-received';
    this.incoming.next = header.seq + 1;
    this.outgoing.peerWindow = header.window;
    this.outgoing.syn = { syn: true, ack: true };
    this.outgoing.open();
  }

  write(data: Uint8Array): void {
    this.outgoing.write(data);
    this.flush();
  }

  /** Ends this direction, after what was written. */
  shutdown(): void {
    this.outgoing.end();
    this.flush();
  }

  /** @returns what has arrived, in order; undefined when there is nothing */
  read(): Uint8Array | undefined {
    const data = this.incoming.read();
    if (data && this.announcedWindow < maxSegment && this.incoming.window >= maxSegment) this.transmit({ ack: true });
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
    if (this.incoming.hasUnread) {
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
    const acceptable = flags.ack && ack === this.outgoing.initial + 1;
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
    this.incoming.next = seq + 1;
    this.outgoing.peerWindow = window;
    if (acceptable) {
      this.outgoing.accept(ack);
      this.open();
      return;
    }
    // Both ends opened at once (RFC 9293 §3.5, figure 7).
    this.state = 'syn-received';
    this.outgoing.syn = { syn: true, ack: true };
    this.transmit(this.outgoing.syn, this.outgoing.initial);
  }

  private receiveReset({ header }: Segment): void {
    const { next } = this.incoming;
    if (header.seq < next || header.seq > next + receiveLimit) return;
    const code = this.state === 'syn-received' ? 'ECONNREFUSED' : 'ECONNRESET';
    this.fail(systemError(code, 'read', ''));
  }

  private receiveSyn({ header }: Segment): void {
    const { flags, ack, seq, window } = header;
    // The other end's SYN again, or its answer to ours while both open.
    const { incoming, outgoing } = this;
    if (seq + 1 !== incoming.next) return;
    if (this.state === 'syn-received' && flags.ack && ack === outgoing.initial + 1) {
      outgoing.peerWindow = window;
      outgoing.accept(ack);
      this.open();
    }
    if (this.state === 'syn-received') this.transmit(outgoing.syn, outgoing.initial);
    else this.transmit({ ack: true });
  }

  private receiveOrdinary(segment: Segment): void {
    const { flags, seq, ack, window } = segment.header;
    const { payload } = segment;
    const { incoming, outgoing } = this;
    if (!flags.ack || ack > outgoing.next) return;
    if (this.state === 'syn-received') {
      if (ack !== outgoing.initial + 1) return;
      outgoing.accept(ack);
      this.open();
    } else outgoing.acknowledge(ack, payload.length === 0 && !flags.fin && window === outgoing.peerWindow);
    outgoing.peerWindow = window;
    if (payload.length > 0 || flags.fin) this.receiveData(segment);
    else if (seq === incoming.next - 1) this.transmit({ ack: true });
    this.flush();
    this.endIfDone();
  }

  private open(): void {
    this.state = 'established';
    this.transmit({ ack: true });
    this.watchIdleness();
    this.events.onOpen();
    this.flush();
  }

  private receiveData(segment: Segment): void {
    if (this.released && segment.payload.length > 0) {
      this.reset();
      return;
    }
    this.incoming.add(segment);
    this.transmit({ ack: true });
  }

  private flush(): void {
    if (this.state === 'established') this.outgoing.flush();
  }

  private transmit(flags: TcpFlags, seq = this.outgoing.next, payload: Uint8Array = new Uint8Array(0)): void {
    this.counts.segmentsOut += 1;
    this.announcedWindow = this.incoming.window;
    const header = { seq, ack: flags.ack ? this.incoming.next : 0, flags, window: this.announcedWindow };
    this.events.transmit({ header, payload });
  }

  /** An end that has no room for more, and says so, is alive. */
  private mayGoOn(silentMs: number): boolean {
    const { userTimeoutMs = defaultUserTimeoutMs } = this.tuning;
    const hasRoom = this.outgoing.peerWindow >= maxSegment;
    const silent = hasRoom ? silentMs : Math.min(silentMs, this.clock.now() - this.lastHeardAt);
    if (silent < userTimeoutMs) return true;
    this.fail(systemError('ETIMEDOUT', 'read', ''));
    return false;
  }

  /** Probes an idle line, and gives up one that does not answer. */
  private watchIdleness(): void {
    this.idleTimer?.cancel();
    const { keepAliveMs, userTimeoutMs = (keepAliveMs ?? 0) * (keepAliveProbes + 1) } = this.tuning;
    if (keepAliveMs === undefined || this.state !== 'established') return;
    this.idleTimer = this.clock.schedule(keepAliveMs, () => {
      const silentMs = this.clock.now() - this.lastHeardAt;
      if (silentMs >= Math.max(userTimeoutMs, keepAliveMs)) return this.fail(systemError('ETIMEDOUT', 'read', ''));
      if (silentMs >= keepAliveMs && this.outgoing.isIdle) this.transmit({ ack: true }, this.outgoing.next - 1);
      this.watchIdleness();
      return undefined;
    });
  }

  private endIfDone(): void {
    const { incoming, outgoing } = this;
    if (this.state !== 'established' || !incoming.finReceived || !outgoing.finSent || !outgoing.isIdle) return;
    this.state = 'time-wait';
    this.idleTimer?.cancel();
    this.clock.schedule(timeWaitMs, () => this.end());
  }

  private end(): void {
    if (this.state === 'gone') return;
    this.state = 'gone';
    this.idleTimer?.cancel();
    this.outgoing.stop();
    this.events.onGone();
  }
}
