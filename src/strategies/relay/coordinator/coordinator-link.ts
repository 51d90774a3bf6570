import { isIPv6 } from 'node:net';
import type { Duplex } from 'node:stream';
import { BackOff } from '../../../core/back-off.js';
import { sleep } from '../../../core/clock.js';
import type { CoordinatorUri } from '../../../core/config/coordinator-uri.js';
import { withDeadline } from '../../../core/deadline.js';
import { describeError, StrategyError } from '../../../core/errors.js';
import type { EventSource } from '../../../core/events.js';
import { sealAsClient } from '../../../core/sealing.js';
import type { StrategyServices } from '../../../core/strategy.js';
import { formatEndpoint } from '../../../discovery/candidates.js';
import { coordinatorKey } from '../../../relay/coordinator/invite.js';
import {
  type CoordinatorAnswer,
  type CoordinatorRequest,
  coordinatorAnswerSchema,
  maxMessageBytes,
} from '../../../relay/coordinator/messages.js';
import { encodeFrame, readFrame } from '../../../relay/message-frames.js';

/** How long connecting, proving and each answer may take, in milliseconds. */
const answerTimeoutMs = 1500;
/** How often it is asked whether it is there, in milliseconds; one that is gone without a word is missed after that. */
const beatMs = 20_000;
/** Pauses between tries to connect, in milliseconds. */
const pauses = { firstMs: 1000, longestMs: 60_000 };

type LinkServices = Pick<StrategyServices, 'net' | 'clock' | 'random' | 'log'>;
interface Waiting {
  resolve(answer: CoordinatorAnswer): void;
  reject(error: Error): void;
}

/** The connection to a coordinator, made anew whenever it ends. Tells when there is none, and when there is one again. */
export class CoordinatorLink {
  private session: { readonly stream: Duplex; readonly waiting: Waiting[] } | undefined;
  private over = new AbortController();
  private isFrozen = false;

  constructor(
    private readonly uri: CoordinatorUri,
    private readonly services: LinkServices,
    private readonly news: Pick<EventSource, 'publish'>,
  ) {
    void this.run();
  }

  /** Where the coordinator is, for people. */
  get name(): string {
    return formatEndpoint({ address: this.uri.host, port: this.uri.port });
  }

  /** Asks it something. @throws StrategyError COORDINATOR_UNREACHABLE, or the signal's reason */
  async ask<Type extends CoordinatorAnswer['type']>(
    request: CoordinatorRequest,
    expected: Type,
    signal: AbortSignal = this.over.signal,
  ): Promise<Extract<CoordinatorAnswer, { type: Type }>> {
    const { session } = this;
    if (!session) throw this.unreachable('there is no connection');
    const { stream, waiting } = session;
    const answered = new Promise<CoordinatorAnswer>((resolve, reject) => {
      waiting.push({ resolve, reject });
    });
    stream.write(encodeFrame(request));
    const expired = () => this.unreachable('it does not answer');
    try {
      const answer = await withDeadline(answered, { clock: this.services.clock, timeoutMs: answerTimeoutMs, signal, expired });
      if (answer.type !== expected) throw this.unreachable(`it answered ${answer.type} to ${request.type}`);
      return answer as Extract<CoordinatorAnswer, { type: Type }>;
    } catch (error) {
      // Answers come in order, so one that is missing would be taken for the next; but an attempt that is over says nothing of it.
      if (!signal.aborted) stream.destroy();
      throw error;
    }
  }

  /** Ends the connection, for good. Idempotent. */
  close(): void {
    this.over.abort(this.unreachable('the connection was closed'));
    this.session?.stream.destroy();
  }

  /** Until it is closed. Never rejects. */
  private async run(): Promise<void> {
    const { clock, random } = this.services;
    const { signal } = this.over;
    const backOff = new BackOff({ ...pauses, random });
    for (;;) {
      try {
        const stream = await this.dial(signal);
        backOff.reset();
        await this.hold(stream, signal);
      } catch (error) {
        if (signal.aborted) return;
        this.freeze(error);
      }
      await sleep(clock, backOff.next(), signal).catch(() => {});
      if (signal.aborted) return;
    }
  }

  private async dial(signal: AbortSignal): Promise<Duplex> {
    const { net, clock } = this.services;
    const { host, port } = this.uri;
    const addresses = await net.resolve(host, { signal });
    const address = addresses.find((candidate) => !isIPv6(candidate)) ?? addresses[0];
    if (address === undefined) throw new Error('its name has no address');
    const stream = await net.connectTcp({ remote: { address, port }, timeoutMs: answerTimeoutMs, signal });
    return sealAsClient(stream, coordinatorKey(this.uri), { clock, signal, timeoutMs: 2 * answerTimeoutMs });
  }

  /** Gives answers to those who wait for them. @throws Error why the connection ended */
  private async hold(stream: Duplex, signal: AbortSignal): Promise<never> {
    const waiting: Waiting[] = [];
    const ended = new AbortController();
    stream.once('close', () => ended.abort());
    this.session = { stream, waiting };
    this.isFrozen = false;
    this.news.publish('routes.coordinated', { coordinator: this.name });
    void this.beat(ended.signal);
    try {
      for (;;) {
        const answer = await readFrame(stream, coordinatorAnswerSchema, maxMessageBytes, signal);
        const next = waiting.shift();
        if (!next) throw new Error('it spoke without being asked');
        next.resolve(answer);
      }
    } finally {
      this.session = undefined;
      stream.destroy();
      for (const { reject } of waiting) reject(this.unreachable('the connection ended'));
    }
  }

  /** Never rejects. */
  private async beat(ended: AbortSignal): Promise<void> {
    try {
      for (;;) {
        await sleep(this.services.clock, beatMs, ended);
        await this.ask({ type: 'ping' }, 'pong');
      }
    } catch {
      // Whoever reads the stream hears of its end.
    }
  }

  private freeze(error: unknown): void {
    const { code, message, help } = this.unreachable(describeError(error).message.replace(/\.$/, ''), error);
    if (this.isFrozen) this.services.log.debug('routes.still-frozen', { coordinator: this.name, code, message });
    else this.news.publish('routes.frozen', { coordinator: this.name, code, message, help });
    this.isFrozen = true;
  }

  private unreachable(why: string, cause?: unknown): StrategyError {
    return new StrategyError('COORDINATOR_UNREACHABLE', `The coordinator ${this.name} cannot be asked: ${why}.`, { cause });
  }
}
