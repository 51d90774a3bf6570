import { Duplex } from 'node:stream';
import type Udx from 'udx-native';
import type { Clock } from '../../core/clock.js';
import type { Endpoint } from '../../core/net.js';
import type { Random } from '../../core/random.js';
import type { OpenStreamOptions, ReliableStream } from '../../core/reliable-udp.js';
import { systemError } from '../system-error.js';
import type { Beat } from './beat.js';
import { Inbox } from './inbox.js';
import { Lane } from './lane.js';
import { Outbox } from './outbox.js';
import { Pulse } from './pulse.js';

export interface StreamServices {
  readonly udx: Udx;
  readonly clock: Clock;
  readonly random: Random;
  /** The socket of the moment. */
  socket(): Udx.Socket;
  send(datagram: Uint8Array, remote: Endpoint): void;
}

const defaults = { heartbeatMs: 500, silenceMs: 2000, openMs: 10_000, windowBytes: 2 * 1024 * 1024 } as const;
/** How long an orderly end may wait for the last acknowledgement once the other end is known to have everything, in milliseconds. */
const lingerMs = 1000;
/** What waits in Node's own buffer, in bytes, each way. */
const highWaterMark = 64 * 1024;
/** Lanes a stream may use up; a network that changes more often than that is not one to stay on. */
const maxLanes = 65_535;

/**
 * A stream of udx made fit for use. The bytes travel in udx, unframed, in one lane at a time. What udx lacks travels in beats
 * beside it (see beat.ts): that the other end is open, lives, has moved, how much it has and how much more it is ready to take.
 * When an end has moved or a lane is lost, both go on in the next lane, with the first byte that the other does not have.
 */
export class UdxStream extends Duplex implements ReliableStream {
  private readonly settings: Record<keyof typeof defaults, number> & OpenStreamOptions;
  private readonly pulse: Pulse;
  private readonly inbox: Inbox;
  private readonly outbox = new Outbox();
  private lane: Lane;
  private laneNumber = 0;
  /** The other end is on the same lane: what is written there arrives. */
  private ready = false;
  /** How many bytes the other end may be sent in all. */
  private allowed = 0;
  private writing: ((error?: Error | null) => void) | undefined;
  /** We have ended our half. */
  private ending = false;
  /** The other end's half has come to its end. */
  private received = false;
  /** The other end has got our half to its end. */
  private delivered = false;
  /** Both halves went through. */
  private complete = false;
  private onComplete = () => {};
  /** Nothing is sent or received any more. */
  private over = false;

  constructor(
    options: OpenStreamOptions,
    private readonly services: StreamServices,
  ) {
    super({ allowHalfOpen: true, readableHighWaterMark: highWaterMark, writableHighWaterMark: highWaterMark });
    this.settings = { ...defaults, ...options };
    this.inbox = new Inbox(this.settings.windowBytes, {
      push: (chunk) => this.push(chunk),
      onCredit: () => this.pulse.tell(),
    });
    this.lane = this.openLane(options.remote);
    this.pulse = new Pulse({
      ...this.settings,
      key: options.key,
      clock: services.clock,
      random: services.random,
      send: services.send,
      state: () => ({
        limit: this.inbox.limit,
        received: this.inbox.received,
        lane: this.laneNumber,
        finished: this.received,
      }),
      onBeat: (beat) => this.takeBeat(beat),
      onMove: () => this.changeLane(this.laneNumber + 1),
      onSilent: () => this.takeSilence(),
    });
  }

  get remote(): Endpoint {
    return this.pulse.remote;
  }

  get rttMs(): number | undefined {
    return this.pulse.rttMs ?? this.lane.rttMs;
  }

  changeRemote(remote: Endpoint): void {
    this.pulse.remote = remote;
    this.changeLane(this.laneNumber + 1);
  }

  /** The socket's own doing: goes on from its new address. */
  moveSocket(): void {
    this.changeLane(this.laneNumber + 1);
  }

  /** The socket's own doing: what is left of an orderly end is not waited for either. */
  abandon(): void {
    this.onComplete();
    this.destroy();
  }

  /** The socket's own doing. @param datagram in the form of a beat for this stream */
  receiveBeat(datagram: Buffer, from: Endpoint): void {
    this.pulse.receive(datagram, from);
  }

  override _read(): void {
    this.inbox.want();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.outbox.add(chunk);
    this.writing = done;
    this.flush();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.ending = true;
    if (this.ready) this.lane.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.finish(error === null && this.received && this.writableFinished).then(() => done(error), done);
  }

  private async finish(orderly: boolean): Promise<void> {
    this.inbox.discard();
    if (orderly && !this.complete) {
      // Until the lane has its last acknowledgement it sends again what may be lost.
      await new Promise<void>((resolve) => {
        this.onComplete = resolve;
      });
    }
    this.over = true;
    this.writing = undefined;
    // Once more than needed: one may be lost.
    this.pulse.tell();
    this.pulse.stop(!orderly);
    this.outbox.clear();
    this.lane.abandon();
    await this.lane.closed;
  }

  private takeBeat(beat: Beat): void {
    if (beat.gone) {
      if (!this.received || !this.delivered) this.fail('ECONNRESET');
      return;
    }
    if (beat.limit > this.allowed) this.allowed = beat.limit;
    if (!this.outbox.trim(beat.received)) {
      this.fail('EPROTO');
      return;
    }
    if (beat.finished && !this.delivered) this.takeDelivery();
    if (beat.lane > this.laneNumber) this.changeLane(beat.lane);
    if (beat.lane === this.laneNumber && !this.ready) {
      this.ready = true;
      this.outbox.rewind(beat.received);
      this.flush();
      if (this.ending) this.lane.end();
    } else {
      this.flush();
    }
  }

  private takeDelivery(): void {
    this.delivered = true;
    // The lane may lack no more than an acknowledgement, which it may wait for in vain.
    const timer = this.services.clock.setTimer(lingerMs, () => this.onComplete());
    this.once('close', () => timer.cancel());
  }

  private takeSilence(): void {
    // An end that has everything may be silent; this one waits only for its own reader.
    if (this.complete || (this.received && this.delivered)) this.onComplete();
    else this.fail('ETIMEDOUT');
  }

  private openLane(remote: Endpoint): Lane {
    const { localId, remoteId } = this.settings;
    const number = this.laneNumber;
    return new Lane({
      udx: this.services.udx,
      socket: this.services.socket(),
      localId: (localId + number) >>> 0,
      remoteId: (remoteId + number) >>> 0,
      remote,
      onData: (data) => {
        this.pulse.heard();
        if (!this.inbox.put(data)) this.fail('EPROTO');
      },
      onEnd: () => {
        if (this.received) return;
        this.received = true;
        this.inbox.end();
        this.pulse.tell();
      },
      onClose: (orderly) => {
        if (orderly) {
          this.complete = true;
          this.onComplete();
        } else {
          this.changeLane(number + 1);
        }
      },
    });
  }

  /** Leaves the lane for another; writing goes on when the other end is there too. */
  private changeLane(number: number): void {
    if (this.over || this.complete) return;
    if (number > maxLanes) {
      this.fail('ECONNRESET');
      return;
    }
    this.lane.abandon();
    this.laneNumber = number;
    this.ready = false;
    this.lane = this.openLane(this.remote);
    this.pulse.beat();
    this.pulse.want();
  }

  /** Gives the lane as much of what was written as the other end is ready to take. */
  private flush(): void {
    if (this.over || this.complete) return;
    if (this.ready) {
      for (let piece = this.outbox.take(this.allowed); piece; piece = this.outbox.take(this.allowed)) this.lane.write(piece);
    }
    if (!this.outbox.drained) {
      this.pulse.want();
      return;
    }
    const done = this.writing;
    this.writing = undefined;
    done?.();
  }

  private fail(code: 'ETIMEDOUT' | 'ECONNRESET' | 'EPROTO'): void {
    // One that lingers has nobody left to tell.
    if (this.destroyed) this.onComplete();
    else this.destroy(systemError(code, 'udx', `${this.remote.address}:${this.remote.port}`));
  }
}
