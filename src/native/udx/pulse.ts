import type { Clock, Timer } from '../../core/clock.js';
import type { Endpoint } from '../../core/net.js';
import type { Random } from '../../core/random.js';
import { type Beat, decodeBeat, encodeBeat, nonceLength } from './beat.js';
import { RemoteWatch } from './remote-watch.js';
import { ReplayWindow } from './replay-window.js';

export interface PulseOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Shared by the two ends. Without one, beats prove nothing and the remote is never followed to another address. */
  readonly key: Uint8Array | undefined;
  /** Id of the stream at the other end. */
  readonly remoteId: number;
  readonly remote: Endpoint;
  /** Milliseconds between beats of an idle stream. */
  readonly heartbeatMs: number;
  /** Milliseconds without a sign of life after which the other end is given up. */
  readonly silenceMs: number;
  /** The same for an other end that was never heard of. */
  readonly openMs: number;
  send(datagram: Uint8Array, remote: Endpoint): void;
  /** What our next beat says of us. */
  state(): Pick<Beat, 'limit' | 'received' | 'lane' | 'finished'>;
  /** What a beat of the other end says; one may be older than the last. The first means that the stream is open there. */
  onBeat(beat: Beat): void;
  /** The other end has proved that it is at another address, and no longer at the old one. */
  onMove(remote: Endpoint): void;
  /** Nothing came for too long; the pulse has stopped. */
  onSilent(): void;
  /** Has anything else of the other end's come since the last question? Then it lives, too. @default no */
  heardBeside?(): boolean;
}

const firstIntervalMs = 50;
/** Interval while something is amiss: the other end is late, or we wait for credit. */
const urgentIntervalMs = 200;
const noKey = new Uint8Array(32);
const noNonce = new Uint8Array(nonceLength);

/** One end's share of the beats of a stream: it sends them, judges those that come, and knows whether and where the other end is. */
export class Pulse {
  private readonly watch: RemoteWatch;
  private readonly key: Uint8Array;
  private timer: Timer | undefined;
  private count = 0;
  private readonly replays = new ReplayWindow();
  private opened = false;
  private stopped = false;
  private blocked = false;
  private interval = firstIntervalMs;
  private heardAt: number;
  private tickAt: number;
  private asked: { nonce: Uint8Array; at: number } | undefined;
  private smoothedRttMs: number | undefined;

  constructor(private readonly options: PulseOptions) {
    const { clock, random, key, remote } = options;
    this.key = key ?? noKey;
    this.heardAt = clock.now();
    this.tickAt = this.heardAt;
    this.watch = new RemoteWatch(remote, {
      clock,
      random,
      challenge: (nonce, to, echo) => this.send({ ask: true, nonce, echo: echo ?? noNonce }, to),
      onMove: (to) => this.options.onMove(to),
    });
    this.schedule(0);
  }

  get remote(): Endpoint {
    return this.watch.remote;
  }

  set remote(remote: Endpoint) {
    this.watch.remote = remote;
    this.beat();
  }

  /** Milliseconds, smoothed as TCP does (RFC 6298 section 2). */
  get rttMs(): number | undefined {
    return this.smoothedRttMs;
  }

  /** Says at once what has changed. */
  tell(): void {
    if (!this.stopped) this.send({}, this.remote);
  }

  /** Says hello from wherever we are now, and asks. */
  beat(): void {
    if (this.stopped) return;
    const nonce = this.options.random.bytes(nonceLength);
    this.asked = { nonce, at: this.options.clock.now() };
    this.send({ ask: true, nonce }, this.remote);
  }

  /** Something is wanted of the other end, such as credit: asks often until a beat comes, for one may have been lost. */
  want(): void {
    if (this.blocked || this.stopped) return;
    this.blocked = true;
    this.schedule(urgentIntervalMs);
  }

  /** Something of the stream itself came: the other end lives. */
  heard(): void {
    this.heardAt = this.options.clock.now();
  }

  receive(datagram: Buffer, from: Endpoint): void {
    if (this.stopped) return;
    const beat = decodeBeat(datagram, this.key);
    if (!beat) return;
    this.watch.vouch(from, beat);
    const order = this.replays.take(beat.count);
    if (order === 'stale') return;
    this.heard();
    this.measure(beat);
    const known = this.watch.judge(from, beat, this.options.key !== undefined && this.opened && order === 'newest');
    if (beat.ask && known) this.send({ echo: beat.nonce }, from);
    this.apply(beat);
  }

  /** Ends it. @param gone tell the other end that the stream is destroyed */
  stop(gone = false): void {
    if (this.stopped) return;
    if (gone) this.send({ gone: true }, this.remote);
    this.stopped = true;
    this.timer?.cancel();
    this.watch.stop();
  }

  private apply(beat: Beat): void {
    if (!this.opened) {
      this.opened = true;
      this.tell();
      this.schedule(this.options.heartbeatMs);
    }
    this.blocked = false;
    this.options.onBeat(beat);
  }

  private measure({ echo }: Beat): void {
    if (!this.asked || !Buffer.from(echo).equals(this.asked.nonce)) return;
    const sample = this.options.clock.now() - this.asked.at;
    this.asked = undefined;
    this.smoothedRttMs = this.smoothedRttMs === undefined ? sample : this.smoothedRttMs + (sample - this.smoothedRttMs) / 8;
    this.watch.rttMs = this.smoothedRttMs;
  }

  private tick(): void {
    const { clock, heartbeatMs, silenceMs, openMs } = this.options;
    const now = clock.now();
    // A machine that slept or starved has heard nothing because it did not listen.
    const late = now - this.tickAt;
    if (late > heartbeatMs) this.heardAt += late;
    if (this.options.heardBeside?.()) this.heardAt = now;
    const silence = now - this.heardAt;
    const patienceMs = this.opened ? silenceMs : openMs;
    if (silence >= patienceMs) {
      // The other end may still hear us: it would wait for what no longer comes.
      this.stop(true);
      this.options.onSilent();
      return;
    }
    this.beat();
    if (!this.opened) this.interval = Math.min(this.interval * 2, heartbeatMs);
    const urgent = this.blocked || silence > heartbeatMs * 1.5;
    const intervalMs = urgent ? Math.min(urgentIntervalMs, heartbeatMs) : this.opened ? heartbeatMs : this.interval;
    this.schedule(Math.min(intervalMs, patienceMs - silence));
  }

  private schedule(delayMs: number): void {
    this.timer?.cancel();
    this.tickAt = this.options.clock.now() + delayMs;
    this.timer = this.options.clock.setTimer(delayMs, () => this.tick());
  }

  private send(parts: Partial<Beat>, to: Endpoint): void {
    this.count += 1;
    const base = { streamId: this.options.remoteId, count: this.count, ask: false, gone: false, nonce: noNonce, echo: noNonce };
    this.options.send(encodeBeat({ ...base, ...this.options.state(), ...parts }, this.key), to);
  }
}
