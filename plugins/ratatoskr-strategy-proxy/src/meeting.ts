import {
  type AttemptContext,
  asPath,
  type ByteStream,
  describeError,
  type Endpoint,
  formatEndpoint,
  isPublicAddress,
  type Path,
  ProvenStream,
  StrategyError,
  type StrategyServices,
  seal,
  untilAborted,
} from 'ratatoskr';
import { type Entrance, readToken } from './entrance.js';
import { type Offer, offerSchema, tokenLength } from './messages.js';
import type { ProxyClient } from './proxy-client.js';

/** How long the two ends may take to meet, in milliseconds. */
const meetingTimeoutMs = 15_000;
/** How long a connection without a proxy may take, in milliseconds. */
const connectTimeoutMs = 3000;
const tuning = { userTimeoutMs: 3000, keepAliveMs: 1000 };

export interface MeetingParts {
  readonly context: AttemptContext;
  readonly services: StrategyServices;
  /** What this end goes out through. */
  readonly proxy: ProxyClient | undefined;
  /** Where it lets the peer in, and the addresses that lead there. */
  readonly entrance: Entrance | undefined;
  readonly places: readonly Endpoint[];
}

/**
 * One attempt. Each end says where it can be reached, and connects to where the other can be, through its proxy if it has one. When
 * neither can be reached, SOCKS5 proxies are asked to take a connection (BIND).
 */
export class Meeting {
  private readonly over = new AbortController();
  private readonly signal: AbortSignal;
  private readonly token: string;
  /** Why this end got no further, for the operator. */
  private readonly reasons: string[] = [];
  private readonly streams: ProvenStream;

  constructor(private readonly parts: MeetingParts) {
    this.streams = new ProvenStream(parts.context);
    this.signal = AbortSignal.any([parts.context.signal, this.over.signal]);
    this.token = Buffer.from(parts.services.random.bytes(tokenLength)).toString('hex');
  }

  /** @throws StrategyError STRATEGY_NO_PATH, SEALING_FAILED, or the signal's reason */
  async path(): Promise<Path> {
    const { services, context, proxy, entrance } = this.parts;
    const timer = services.clock.setTimer(meetingTimeoutMs, () =>
      this.over.abort(this.noPath(`The two ends did not meet within ${meetingTimeoutMs / 1000} s`)),
    );
    let leave = async () => {};
    try {
      if (entrance) leave = await entrance.expect(this.token, (stream) => this.streams.offerIncoming(stream));
      const { stream, peer } = await Promise.race([this.meet(), untilAborted(this.signal)]);
      services.net.tune(stream, tuning);
      const { secret, role } = context;
      // Whoever runs a proxy sees ciphertext alone.
      const sealed = await seal(stream, { secret, role, clock: services.clock, signal: this.signal });
      const [local, remote] = [
        endpointOf(stream.localAddress, stream.localPort),
        endpointOf(stream.remoteAddress, stream.remotePort),
      ];
      if (!proxy && !peer.proxied) return asPath(sealed, { kind: 'direct', local, remote });
      // Of a connection that came in from the peer's proxy, or went there, the remote address is that proxy's.
      return asPath(sealed, { kind: 'relayed', local, remote, relay: remote });
    } finally {
      timer.cancel();
      this.over.abort(new StrategyError('PATH_SUPERSEDED', 'The attempt is over.'));
      await leave();
    }
  }

  /** Learns where the peer can be reached. @throws StrategyError STRATEGY_NO_PATH when neither can be */
  private async exchange(): Promise<Offer & { readonly reachesUs: boolean }> {
    const { places } = this.parts;
    const peer = await this.tell(places);
    if (places.length > 0 || peer.places.length > 0) return { ...peer, reachesUs: places.length > 0 };
    const bound = await this.bind();
    const again = await this.tell(bound);
    if (bound.length === 0 && again.places.length === 0) {
      throw this.noPath('Neither end can be reached: one needs a port that the other’s proxy connects to', {
        help: 'Set listen at one end, on a port that can be reached from outside; 443 is allowed by most proxies.',
      });
    }
    return { ...again, reachesUs: bound.length > 0 };
  }

  private async tell(places: readonly Endpoint[]): Promise<Offer> {
    const { channel } = this.parts.context;
    const offer: Offer = { places: [...places], token: this.token, proxied: this.parts.proxy !== undefined };
    await channel.send(offer);
    const answer = offerSchema.safeParse(await channel.receive());
    if (!answer.success) throw new StrategyError('STRATEGY_NO_PATH', 'The peer sent an offer that is not valid.');
    return answer.data;
  }

  /** A port at the proxy, where it gives out such. */
  private async bind(): Promise<readonly Endpoint[]> {
    const { proxy, services } = this.parts;
    if (!proxy?.canBind) return [];
    try {
      const { endpoint, caller } = await proxy.bind(this.signal);
      if (!isPublicAddress(endpoint.address)) throw new Error(`${proxy.name} binds ${endpoint.address}, which is not public.`);
      void caller
        .then(async (stream) => {
          if ((await readToken(stream, services.clock, this.signal)) === this.token) this.streams.offerIncoming(stream);
          else stream.destroy();
        })
        .catch(() => {});
      return [endpoint];
    } catch (error) {
      this.signal.throwIfAborted();
      this.reasons.push(`BIND: ${describeError(error).message}`);
      return [];
    }
  }

  private async meet(): Promise<{ readonly stream: ByteStream; readonly peer: Offer }> {
    const peer = await this.exchange();
    const failed = Promise.all(peer.places.map((place) => this.dial(place, peer.token))).then((results): Promise<never> => {
      // The peer may still come to us.
      if (peer.reachesUs || results.includes(true)) return new Promise(() => {});
      throw this.noPath('The peer cannot be reached');
    });
    return { stream: await Promise.race([this.streams.proven, failed]), peer };
  }

  /** @returns whether it leads to the peer. Never rejects */
  private async dial(place: Endpoint, token: string): Promise<boolean> {
    const { proxy, services } = this.parts;
    try {
      const stream = await (proxy
        ? proxy.connect(place, this.signal)
        : services.net.connectTcp({ remote: place, timeoutMs: connectTimeoutMs, signal: this.signal }));
      stream.write(Buffer.from(token, 'hex'));
      if (await this.streams.offer(stream, { speakFirst: true })) return true;
      throw new Error('it is somebody else');
    } catch (error) {
      this.reasons.push(`${formatEndpoint(place)}: ${describeError(error).message}`);
      return false;
    }
  }

  private noPath(what: string, options: { readonly help?: string } = {}): StrategyError {
    const why = this.reasons.length === 0 ? '' : `: ${this.reasons.join(' ')}`;
    return new StrategyError('STRATEGY_NO_PATH', `${what}${why || '.'}`, options);
  }
}

function endpointOf(address = '', port = 0): string {
  return formatEndpoint({ address, port });
}
