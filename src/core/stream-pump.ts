import { type Clock, sleep, type Timer } from './clock.js';
import { BridgeError, type RatatoskrError } from './errors.js';
import { EvenFlow } from './even-flow.js';
import { decodeAgentFrame, encodeAgentFrame } from './frames/agent-frames.js';
import { DelayMeter, type PathDelays } from './frames/delay-meter.js';
import { FrameArrival } from './frames/frame-arrival.js';
import { FrameLane } from './frames/frame-lane.js';
import type { Verdict } from './frames/frame-scanner.js';
import { frameType, keepAliveFrame } from './frames/frame-types.js';
import { beatMs, firstBeatMs, lingerMs, type Pump, type PumpCounters, type PumpOptions, type Pumps, silenceMs } from './pump.js';

/** What may wait in a stream before the other is paused, in bytes. */
const mostWaiting = 64 * 1024;

/** Pumps of Node's streams, for any path on any platform. */
export function createStreamPumps(clock: Clock): Pumps {
  return { start: (options) => new StreamPump(options, clock) };
}

class StreamPump implements Pump {
  readonly ended: Promise<RatatoskrError>;
  private readonly meter = new DelayMeter();
  /** From the router to the path, and back. */
  private readonly outward: FrameLane;
  private readonly inward: FrameLane;
  /** From the path to the router. */
  private readonly flow: EvenFlow;
  private readonly arrival = new FrameArrival();
  private readonly over = new AbortController();
  private settle: (reason: RatatoskrError) => void = () => {};
  private ending = false;
  /** Why the first of the two directions has ended. */
  private halfReason: RatatoskrError | undefined;
  private keepBackTimer: Timer | undefined;
  private restTimer: Timer | undefined;
  private beatTimer: Timer | undefined;
  private beatDueAt = 0;
  private heardAt: number;
  /** Of the other end's last beat: its time, and ours when it came, in microseconds. */
  private echo = 0;
  private echoHeardAt = 0;

  constructor(
    private readonly options: PumpOptions,
    private readonly clock: Clock,
  ) {
    const { path, router, ownKey, peerKey, hidden, lentPathBytes } = options;
    const maxWaiting = lentPathBytes === undefined ? mostWaiting : 0;
    this.ended = new Promise((resolve) => {
      this.settle = resolve;
    });
    this.flow = new EvenFlow(clock.now());
    const onFailure = (error: unknown) => void this.end(error as RatatoskrError);
    this.outward = new FrameLane({
      source: router,
      sink: path,
      maxWaiting,
      speaker: ownKey,
      listener: peerKey,
      judge: (type) => judge(type, hidden, forbidden),
      // A router that waits for an answer takes a link for dead after 3 s.
      onDropped: () => this.inward.insert(keepAliveFrame),
      onEnd: () => this.endHalf(linkClosed('closed the link')),
      onFailure,
    });
    this.inward = new FrameLane({
      source: path,
      sink: router,
      maxWaiting,
      speaker: peerKey,
      listener: ownKey,
      judge: (type) => judge(type, hidden, () => 'take'),
      onReceived: (count, missing) => this.hear(count, missing),
      handsOnParts: () => this.flow.fast,
      onFirstTraffic: () => this.keepBack(),
      onDropped: () => this.outward.insert(keepAliveFrame),
      onTaken: (body) => this.takeFrame(body),
      onEnd: () => this.endHalf(pathClosed('the other agent closed it')),
      onFailure,
    });
    path.once('error', ({ message }) => void this.end(pathClosed(message)));
    path.once('close', () => void this.end(this.halfReason ?? pathClosed('it was closed')));
    router.once('error', ({ message }) => void this.end(linkClosed(`broke the link (${message})`)));
    router.once('close', () => void this.end(this.halfReason ?? linkClosed('closed the link')));
    this.heardAt = clock.now();
    this.beatIn(firstBeatMs);
    if (path.destroyed) void this.end(pathClosed('it was closed before it was in use'));
    if (router.destroyed) void this.end(linkClosed('closed the link before it was in use'));
  }

  get counters(): PumpCounters {
    const { inward, outward } = this;
    return {
      bytesIn: inward.received,
      bytesOut: outward.sent,
      dropped: inward.dropped + outward.dropped,
      transitIn: inward.transit,
      transitOut: outward.transit,
    };
  }

  get delays(): PathDelays | undefined {
    return this.meter.current;
  }

  async end(reason: RatatoskrError): Promise<void> {
    if (!this.ending) {
      this.ending = true;
      this.beatTimer?.cancel();
      this.keepBackTimer?.cancel();
      this.restTimer?.cancel();
      this.outward.insert(encodeAgentFrame({ kind: 'end', code: reason.code, message: reason.message }));
      this.outward.finish();
      this.inward.finish();
      this.options.router.destroy();
      await this.flush();
      this.options.path.destroy();
      this.over.abort();
      this.settle(reason);
    }
    await this.ended;
  }

  /** Lets the last words out, but waits for nobody long. */
  private async flush(): Promise<void> {
    const { path } = this.options;
    if (path.destroyed || path.writableFinished) return;
    const flushed = new Promise((resolve) => path.once('finish', resolve).once('close', resolve));
    await Promise.race([flushed, sleep(this.clock, lingerMs, this.over.signal).catch(() => {})]);
  }

  /** One direction has come to its end; the other may have something to say yet. */
  private endHalf(reason: RatatoskrError): void {
    if (this.ending) return;
    if (this.halfReason) {
      void this.end(this.halfReason);
      return;
    }
    this.halfReason = reason;
    const { signal } = this.over;
    sleep(this.clock, lingerMs, signal).then(
      () => this.end(reason),
      () => {},
    );
  }

  /** Something has come on the path. @returns whether to read on at once */
  private hear(count: number, missing: number): boolean {
    const now = this.clock.now();
    this.heardAt = now;
    this.arrival.take(count, missing, now);
    const restMs = this.flow.pass(count, now) || this.lookAwayMs(count, now);
    if (restMs === 0) return true;
    this.restTimer?.cancel();
    this.restTimer = this.clock.setTimer(restMs, () => {
      this.arrival.lookAgain(this.clock.now());
      this.inward.goOn();
    });
    return false;
  }

  /** For how long the path need not be looked at after so many bytes. What comes fast is handed on in parts. */
  private lookAwayMs(count: number, now: number): number {
    const { lentPathBytes = 0 } = this.options;
    return count < lentPathBytes && !this.flow.fast ? this.arrival.lookAwayMs(now) : 0;
  }

  /** @returns whether traffic may go on at once */
  private keepBack(): boolean {
    const { keepBackMs = 0 } = this.options;
    if (keepBackMs > 0) this.keepBackTimer = this.clock.setTimer(keepBackMs, () => this.inward.release());
    return keepBackMs === 0;
  }

  private takeFrame(body: Buffer): void {
    const frame = decodeAgentFrame(body);
    if (frame?.kind === 'beat') {
      const now = this.microseconds();
      this.meter.take(frame, now);
      this.echo = frame.sentAt;
      this.echoHeardAt = now;
    } else if (frame?.kind === 'end') {
      void this.end(new BridgeError('PEER_ENDED', `The peer took the bridge down: ${frame.message} (${frame.code}).`));
    }
  }

  private beat(): void {
    const now = this.clock.now();
    // A process that was held up hears nothing because it did not listen; nor does one whose router does not take what comes.
    const late = now - this.beatDueAt;
    if (late > beatMs) this.heardAt += late;
    if (this.inward.full) this.heardAt = now;
    if (now - this.heardAt >= silenceMs) {
      void this.end(new BridgeError('PATH_SILENT', `Nothing has come on the path for ${silenceMs / 1000} s.`));
      return;
    }
    // What waits to be sent is a sign of life itself.
    if (this.options.path.writableLength === 0) {
      const { echo, echoHeardAt: heardAt } = this;
      const { received } = this.inward;
      this.outward.insert(encodeAgentFrame({ kind: 'beat', sentAt: this.microseconds(), echo, heardAt, received }));
    }
    this.beatIn(Math.min(beatMs, this.heardAt + silenceMs - now));
  }

  private beatIn(delayMs: number): void {
    this.beatDueAt = this.clock.now() + delayMs;
    this.beatTimer = this.clock.setTimer(delayMs, () => this.beat());
  }

  private microseconds(): number {
    return Math.floor(this.clock.now() * 1000);
  }
}

/** @param agents what becomes of the agents' own frames in this direction */
function judge(type: number, hidden: boolean, agents: () => Verdict): Verdict {
  if (type === frameType.agent) return agents();
  const builds = type === frameType.signatureRequest || type === frameType.signatureResponse;
  return hidden && builds ? 'drop' : 'pass';
}

/** A router cannot speak as its agent. */
function forbidden(): Verdict {
  throw new BridgeError('LINK_MALFORMED', 'The router sent a frame that only agents may.');
}

function pathClosed(why: string): BridgeError {
  return new BridgeError('PATH_CLOSED', `The path ended: ${why}.`);
}

function linkClosed(what: string): BridgeError {
  return new BridgeError('LINK_CLOSED', `The router ${what}.`);
}
