import { setMaxListeners } from 'node:events';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../core/clock.js';
import { withDeadline } from '../../core/deadline.js';
import { describeError } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import type { ByteStream, Endpoint, Listener, Net } from '../../core/net.js';
import { sourceOf } from '../../core/rate-limit.js';
import { sealAsServer } from '../../core/sealing.js';
import { TokenBucket } from '../../core/token-bucket.js';
import { Greetings, greetingTimeoutMs } from '../greetings.js';
import { listenAtEach } from '../listen-at-each.js';
import { encodeFrame, readFrame } from '../message-frames.js';
import { DelayBook } from './delay-book.js';
import { coordinatorKey, coordinatorToken, keyInIdentity } from './invite.js';
import {
  type CoordinatedRoutes,
  type CoordinatorAnswer,
  type CoordinatorRequest,
  coordinatorRequestSchema,
  maxMessageBytes,
} from './messages.js';

export interface CoordinatorOptions {
  readonly net: Pick<Net, 'listenTcp'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Where to listen, families that this machine lacks left out; port 0 lets the system pick. */
  readonly listen: readonly Endpoint[];
  /** What the agents' tokens derive from. */
  readonly secret: Uint8Array;
  /** Keys whose invites no longer count. @default none */
  readonly revoked?: ReadonlySet<string>;
  /** How a pair of agents is answered. @default by the shortest ways of what was reported */
  readonly choose?: (from: string, to: string) => CoordinatedRoutes;
}

/** What a coordinator knows now, and has done since it was opened. */
export interface CoordinatorStatus {
  /** Agents that are connected, that have reported, and the delays to relays and between relays that are kept of them. */
  readonly connected: number;
  readonly agents: number;
  readonly delays: number;
  readonly links: number;
  /** Questions for routes answered. */
  readonly asked: number;
}

/** A connection that says nothing for this long is closed, in milliseconds; agents say something every 20 s. */
const idleMs = 60_000;
/** Messages of one agent; whoever says more is disconnected. */
const rate = { perSecond: 16, burst: 256 };

/**
 * Hears from agents how far relays are, and tells a pair of them which relays are the shortest way between the two. An agent is the
 * one that its invite was made out to: it reports for itself alone, and asks about pairs that it is one of.
 */
export class CoordinatorServer {
  private readonly book: DelayBook;
  private readonly listeners: Listener[] = [];
  private readonly greetings = new Greetings();
  /** By the agent's key; a new connection takes the place of the last. */
  private readonly sessions = new Map<string, Duplex>();
  private readonly over = new AbortController();
  private asked = 0;

  private constructor(private readonly options: CoordinatorOptions) {
    this.book = new DelayBook(options.clock);
    // Every connection listens.
    setMaxListeners(0, this.over.signal);
  }

  /** Resolves when it listens. @throws AgentError COORDINATOR_LISTEN_FAILED; nothing is left behind then */
  static async open(options: CoordinatorOptions): Promise<CoordinatorServer> {
    const server = new CoordinatorServer(options);
    try {
      await listenAtEach(options.listen, (local) => server.listen(local), 'COORDINATOR_LISTEN_FAILED', 'coordinate');
      return server;
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  /** Where it listens. */
  get local(): readonly Endpoint[] {
    return this.listeners.flatMap(({ local }) => local ?? []);
  }

  get status(): CoordinatorStatus {
    return { connected: this.sessions.size, ...this.book.size, asked: this.asked };
  }

  /** Ends every connection and gives the ports back. Idempotent. */
  async close(): Promise<void> {
    this.over.abort(new Error('the coordinator is leaving'));
    for (const stream of [...this.sessions.values()]) stream.destroy();
    this.greetings.close();
    await Promise.all(this.listeners.map((listener) => listener.close()));
  }

  private async listen(local: Endpoint): Promise<void> {
    const { net, log } = this.options;
    const onError = (error: unknown) => log.error('coordinator.listener-failed', { ...describeError(error) });
    this.listeners.push(await net.listenTcp({ local, onStream: (stream) => void this.welcome(stream), onError }));
  }

  /** A connection from anyone. Never rejects. */
  private async welcome(stream: ByteStream): Promise<void> {
    const { clock, log } = this.options;
    const source = sourceOf(stream.remoteAddress ?? '');
    if (!this.greetings.hasRoom(source)) {
      stream.destroy();
      return;
    }
    this.greetings.add(stream, source);
    try {
      const options = { clock, signal: this.over.signal, timeoutMs: greetingTimeoutMs };
      const { sealed, identity } = await sealAsServer(stream, (name) => this.keyOf(name), options);
      this.greetings.proved(stream);
      const agent = keyInIdentity(identity);
      if (agent === undefined) sealed.destroy();
      else await this.serve(sealed, agent);
    } catch (error) {
      stream.destroy();
      log.debug('coordinator.turned-away', { remote: stream.remoteAddress, ...describeError(error) });
    }
  }

  private keyOf(identity: string): Uint8Array | undefined {
    const { secret, revoked } = this.options;
    const key = keyInIdentity(identity);
    if (key === undefined || revoked?.has(key)) return undefined;
    return coordinatorKey({ key, token: coordinatorToken(key, secret) }).key;
  }

  /** Answers an agent until it leaves, breaks the protocol or is silent. @throws Error why it ended */
  private async serve(stream: Duplex, agent: string): Promise<void> {
    const { clock, log } = this.options;
    this.sessions.get(agent)?.destroy();
    this.sessions.set(agent, stream);
    log.info('coordinator.agent-connected', { owner: agent, connected: this.sessions.size });
    const bucket = new TokenBucket(clock, rate);
    try {
      for (;;) {
        const request = await withDeadline(readFrame(stream, coordinatorRequestSchema, maxMessageBytes, this.over.signal), {
          clock,
          timeoutMs: idleMs,
          expired: () => new Error('it is silent'),
        });
        if (!bucket.take()) throw new Error('it asks too often');
        // The next request is read when the answer has been taken.
        await written(stream, encodeFrame(this.answer(agent, request)));
      }
    } finally {
      stream.destroy();
      if (this.sessions.get(agent) === stream) this.sessions.delete(agent);
      log.info('coordinator.agent-left', { owner: agent, connected: this.sessions.size });
    }
  }

  private answer(agent: string, request: CoordinatorRequest): CoordinatorAnswer {
    if (request.type === 'ping') return { type: 'pong' };
    if (request.type === 'report') {
      this.book.report(agent, request);
      return { type: 'noted' };
    }
    this.asked += 1;
    const choose = this.options.choose ?? ((from: string, to: string) => this.book.routes(from, to));
    return { type: 'routes', ...choose(agent, request.peer) };
  }
}

function written(stream: Duplex, data: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => stream.write(data, (error) => (error ? reject(error) : resolve())));
}
