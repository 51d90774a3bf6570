import { every, type Timer } from '../core/clock.js';
import { withDeadline } from '../core/deadline.js';
import { describeError, StrategyError } from '../core/errors.js';
import type { ByteStream, Endpoint } from '../core/net.js';
import type { OneWayDelays } from '../core/routes/one-way-delay.js';
import type { SealingKey } from '../core/sealing.js';
import { formatEndpoint } from '../discovery/candidates.js';
import { openToRelay, type RelayPlatform } from './connect.js';
import { type Answer, answerSchema, circuitSchema, encodeMessage, readMessage, refusalError } from './messages.js';
import { keyOfToken } from './token.js';
import { YamuxSession } from './yamux/session.js';
import type { YamuxStream } from './yamux/stream.js';

/** How long a relay may take to answer, to connect and to seal, in milliseconds each. */
const answerTimeoutMs = 3000;
/** Streams over one connection: a reservation takes one and its circuit another. */
const maxStreams = 64;

/** A connection that carries no stream is kept for this long, in milliseconds: the next attempt may want it. */
const lingerMs = 3000;

/** Leave to connect to a relay as one who may ask for places: a ticket's key, or an invite's. */
export type Admission = (signal: AbortSignal) => Promise<SealingKey>;

/** A place that another end can connect to, with its token. */
export interface Place extends Endpoint {
  readonly token: string;
}

/** A place that this end holds. */
export interface ReservedPlace {
  readonly endpoint: Endpoint;
  readonly token: string;
  /** Aborts when it is gone, with a StrategyError. */
  readonly lost: AbortSignal;
  /** Gives it back. Idempotent. */
  close(): Promise<void>;
}

/** One connection to a relay, and the places that were reserved over it. */
interface Connection {
  readonly relay: string;
  readonly stream: ByteStream;
  readonly session: YamuxSession;
  /** Who takes what comes in, by the place's identity. */
  readonly places: Map<string, (stream: ByteStream) => void>;
}

/** Speaks with relays that are agents or of our own kind, over one connection to each while it is needed. */
export class RelayClient {
  private readonly connections = new Map<string, Promise<Connection>>();
  private readonly over = new AbortController();
  /** Called when a relay that was in use has gone without a farewell, with its `host:port`. */
  onLost: (relay: string) => void = () => {};

  constructor(private readonly platform: RelayPlatform) {}

  /**
   * Reserves a place.
   * @param admission called when there is no connection yet
   * @param toward a place at another relay, where whoever connects comes out instead of here
   * @throws StrategyError the relay's code, RELAY_UNREACHABLE or RELAY_LOST, or the signal's reason; nothing is left behind then
   */
  async reserve(
    relay: Endpoint,
    admission: Admission,
    onStream: (stream: ByteStream) => void,
    signal: AbortSignal,
    toward?: Place,
  ): Promise<ReservedPlace> {
    const connection = await this.connection(`${formatEndpoint(relay)} member`, relay, admission, signal);
    const stream = this.open(connection);
    try {
      const answer = await this.ask(connection, stream, { type: 'reserve', ...(toward ? { toward } : {}) }, 'reserved', signal);
      if (toward && !answer.extended) throw unreachable(connection.relay, 'it leads to no other relay');
      const { identity } = keyOfToken(answer.token);
      connection.places.set(identity, onStream);
      const place = this.keep(connection, stream, answer.lifetimeS);
      place.lost.addEventListener('abort', () => connection.places.delete(identity), { once: true });
      return { endpoint: relay, token: answer.token, ...place };
    } catch (error) {
      stream.destroy();
      throw error;
    }
  }

  /**
   * Asks a relay how far others are from it. @param others at most {@link maxOthers}
   * @returns the delays to each and back, undefined where it has none
   * @throws as {@link reserve}
   */
  async delays(
    relay: Endpoint,
    admission: Admission,
    others: readonly Endpoint[],
    signal: AbortSignal,
  ): Promise<readonly (OneWayDelays | undefined)[]> {
    const connection = await this.connection(`${formatEndpoint(relay)} member`, relay, admission, signal);
    const stream = this.open(connection);
    try {
      const { delays } = await this.ask(connection, stream, { type: 'survey', relays: [...others] }, 'surveyed', signal);
      return others.map((_, index) => delays.find((one) => one.index === index));
    } finally {
      stream.destroy();
    }
  }

  /** Connects to a place that another end reserved. @throws as {@link reserve} */
  async connect(relay: Endpoint, token: string, signal: AbortSignal): Promise<ByteStream> {
    const name = formatEndpoint(relay);
    const existing = this.connections.has(`${name} member`) ? `${name} member` : `${name} guest`;
    const connection = await this.connection(existing, relay, async () => keyOfToken(token), signal);
    const stream = this.open(connection);
    try {
      await this.ask(connection, stream, { type: 'connect', token }, 'connected', signal);
      return withAddresses(stream, connection.stream);
    } catch (error) {
      stream.destroy();
      throw error;
    }
  }

  /** Ends every connection, and with it all places and circuits. */
  close(): void {
    this.over.abort(new StrategyError('RELAY_LOST', 'The connections to relays were closed.'));
    for (const opening of this.connections.values()) opening.then(({ session }) => session.destroy()).catch(() => {});
  }

  /** The connection of that name, or a new one. Several may wait for it, so none of them alone can call it off. */
  private async connection(name: string, relay: Endpoint, admission: Admission, signal: AbortSignal): Promise<Connection> {
    let opening = this.connections.get(name);
    if (!opening) {
      opening = this.dial(relay, admission, () => this.connections.delete(name));
      this.connections.set(name, opening);
      opening.catch(() => this.connections.delete(name));
    }
    const { clock } = this.platform;
    return withDeadline(opening, {
      clock,
      timeoutMs: 3 * answerTimeoutMs,
      signal,
      expired: () => unreachable(formatEndpoint(relay), 'it does not answer'),
    });
  }

  private async dial(endpoint: Endpoint, admission: Admission, onClose: () => void): Promise<Connection> {
    const { clock } = this.platform;
    const { signal } = this.over;
    const relay = formatEndpoint(endpoint);
    const key = await admission(signal);
    try {
      const { stream, sealed } = await openToRelay(this.platform, endpoint, key, { timeoutMs: answerTimeoutMs, signal });
      const places: Connection['places'] = new Map();
      const session: YamuxSession = new YamuxSession(sealed, {
        role: 'client',
        maxStreams,
        heartbeatClock: clock,
        onStream: (incoming) => void this.receive(incoming, { relay, stream, session, places }),
        onIdle: () => leaveLater(),
      });
      let unused: Timer | undefined;
      let left = false;
      const leaveLater = () => {
        unused?.cancel();
        unused = clock.setTimer(lingerMs, () => {
          if (session.streamCount > 0) return;
          left = true;
          session.destroy(new Error('nothing goes through this relay'));
        });
      };
      // Whoever wanted it may have gone meanwhile.
      leaveLater();
      const forget = () => {
        unused?.cancel();
        onClose();
        if (!left && !signal.aborted) this.onLost(relay);
      };
      session.closed.addEventListener('abort', forget, { once: true });
      return { relay, stream, session, places };
    } catch (error) {
      signal.throwIfAborted();
      throw unreachable(relay, describeError(error).message, error);
    }
  }

  private open({ session, relay }: Connection): YamuxStream {
    try {
      return session.open();
    } catch (error) {
      throw new StrategyError('RELAY_LOST', `The relay ${relay} takes no more streams: ${describeError(error).message}.`);
    }
  }

  private async ask<Type extends Exclude<Answer['type'], 'refused'>>(
    { relay, session }: Connection,
    stream: YamuxStream,
    request: Parameters<typeof encodeMessage>[0],
    expected: Type,
    signal: AbortSignal,
  ): Promise<Extract<Answer, { type: Type }>> {
    stream.write(encodeMessage(request));
    const answer = await withDeadline(readMessage(stream, answerSchema, AbortSignal.any([signal, session.closed])), {
      clock: this.platform.clock,
      timeoutMs: answerTimeoutMs,
      signal,
      expired: () => unreachable(relay, `no answer within ${answerTimeoutMs / 1000} s`),
    }).catch((error: unknown) => {
      if (signal.aborted || error instanceof StrategyError) throw error;
      throw unreachable(relay, describeError(error).message, error);
    });
    if (answer.type === 'refused') throw refusalError(answer, relay);
    if (answer.type !== expected) throw unreachable(relay, `it answered ${answer.type} to ${request.type}`);
    return answer as Extract<Answer, { type: Type }>;
  }

  /** Refreshes a reservation until its stream ends. */
  private keep({ relay, session }: Connection, stream: YamuxStream, lifetimeS: number): Pick<ReservedPlace, 'lost' | 'close'> {
    const lost = new AbortController();
    const refresh = () => void stream.write(encodeMessage({ type: 'refresh' }));
    const timer = every(this.platform.clock, (lifetimeS * 1000) / 2, refresh);
    const end = (reason: StrategyError) => {
      timer.cancel();
      lost.abort(reason);
      stream.destroy();
    };
    const gone = (why: string) => new StrategyError('RELAY_LOST', `The place at the relay ${relay} is gone: ${why}.`);
    // The only thing that it may still say is why the reservation ends.
    readMessage(stream, answerSchema, session.closed).then(
      (answer) => end(answer.type === 'refused' ? refusalError(answer, relay) : gone('it broke the protocol')),
      (error: unknown) => end(gone(describeError(error).message)),
    );
    return {
      lost: lost.signal,
      close: async () => end(gone('it was given back')),
    };
  }

  /** A stream that the relay opened: somebody has connected to one of our places. Never rejects. */
  private async receive(stream: YamuxStream, { places, stream: base, session }: Connection): Promise<void> {
    try {
      const { place } = await withDeadline(readMessage(stream, circuitSchema, session.closed), {
        clock: this.platform.clock,
        timeoutMs: answerTimeoutMs,
        expired: () => new Error('it said nothing'),
      });
      const onStream = places.get(place);
      if (onStream) onStream(withAddresses(stream, base));
      else stream.destroy();
    } catch {
      stream.destroy();
    }
  }
}

function unreachable(relay: string, why: string, cause?: unknown): StrategyError {
  return new StrategyError('RELAY_UNREACHABLE', `The relay ${relay} cannot be used: ${why.replace(/\.$/, '')}.`, { cause });
}

/** Where the stream really goes. */
function withAddresses(stream: YamuxStream, { localAddress, localPort, remoteAddress, remotePort }: ByteStream): ByteStream {
  return Object.assign(stream, { localAddress, localPort, remoteAddress, remotePort });
}
