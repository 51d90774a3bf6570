import { isIP } from 'node:net';
import type { Clock } from '../../core/clock.js';
import { AgentError, describeError } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import type { ByteStream, DatagramSocket, Endpoint, Listener, Net } from '../../core/net.js';
import { RateLimit, sourceOf } from '../../core/rate-limit.js';
import { TokenBucket, type TokenBucketOptions } from '../../core/token-bucket.js';
import { type Answer, answerBinding, type ResponderPlace } from './responder-answer.js';
import { serveTcp } from './responder-tcp.js';

interface ResponderLimits {
  /** TCP connections at once. @default 256 */
  readonly connections?: number;
  /** TCP connections at once from one source: an IPv4 address or an IPv6 /64. @default 16 */
  readonly connectionsPerSource?: number;
  /** Milliseconds after its last request until a TCP connection is closed. @default 60000 */
  readonly idleMs?: number;
  /** Requests a second that one source is answered, in the long run. @default 50 */
  readonly perSecond?: number;
  /** Requests at once that one source is answered. @default 100 */
  readonly burst?: number;
  /** Datagrams that are answered in all, for their sources may be forged. @default no limit */
  readonly datagrams?: TokenBucketOptions;
}

export interface ResponderOptions {
  readonly net: Pick<Net, 'bindUdp' | 'listenTcp'>;
  readonly clock: Clock;
  readonly log?: Logger;
  /** Where to answer, over UDP and TCP alike; port 0 lets the system pick one for both. */
  readonly listen: Endpoint;
  /**
   * A second address and a second port of this machine, both other than those of `listen`: then the four combinations of
   * addresses and ports answer, and clients can learn how their NAT behaves (RFC 5780). Neither may be a wildcard.
   */
  readonly alternate?: Endpoint;
  readonly limits?: ResponderLimits;
}

/** Answers Binding requests over UDP and TCP (RFC 8489), and stays silent to all else. */
export class StunResponder {
  private readonly sockets: DatagramSocket[] = [];
  private readonly listeners: Listener[] = [];
  private readonly streams = new Map<ByteStream, string>();
  private readonly rate: RateLimit;
  private readonly datagrams: TokenBucket | undefined;
  /** UDP sockets by the place that they answer from. */
  private readonly byPlace = new Map<string, DatagramSocket>();
  private closing: Promise<void> | undefined;

  private constructor(private readonly options: ResponderOptions) {
    const { clock, limits: { perSecond = 50, burst = 100, datagrams } = {} } = options;
    this.rate = new RateLimit({ clock, perSecond, burst, sources: 4096 });
    this.datagrams = datagrams && new TokenBucket(clock, datagrams);
  }

  /** Resolves when it answers everywhere. @throws AgentError STUN_PORT_TAKEN, STUN_LISTEN_FAILED, STUN_ALTERNATE_UNUSABLE */
  static async open(options: ResponderOptions): Promise<StunResponder> {
    const responder = new StunResponder(options);
    try {
      await responder.listen();
      return responder;
    } catch (error) {
      await responder.close();
      throw error;
    }
  }

  /** Where it answers, over UDP and TCP alike; `listen` comes first. */
  get local(): readonly Endpoint[] {
    return this.sockets.map(({ local }) => local);
  }

  /** Ends every connection and gives the ports back. Idempotent. */
  close(): Promise<void> {
    this.closing ??= (async () => {
      for (const stream of this.streams.keys()) stream.destroy();
      await Promise.all([...this.sockets, ...this.listeners].map((each) => each.close()));
    })();
    return this.closing;
  }

  private async listen(): Promise<void> {
    const { listen, alternate } = this.options;
    if (!alternate) return this.listenAt(listen, undefined);
    const problem = alternateProblem(listen, alternate);
    if (problem !== undefined) throw new AgentError('STUN_ALTERNATE_UNUSABLE', problem);
    for (const [own, other] of [
      [listen, alternate],
      [alternate, listen],
    ] as const) {
      await this.listenAt(own, other);
      await this.listenAt({ address: own.address, port: other.port }, { address: other.address, port: own.port });
    }
  }

  /** @param other the place with neither this address nor this port (RFC 5780 §6) */
  private async listenAt(local: Endpoint, other: Endpoint | undefined): Promise<void> {
    const { net, log } = this.options;
    try {
      const place = (port: number): ResponderPlace => ({ local: { address: local.address, port }, ...(other && { other }) });
      const socket = await net.bindUdp({
        local,
        onMessage: (data, remote) => this.answerDatagram(data, remote, place(socket.local.port)),
      });
      this.sockets.push(socket);
      this.byPlace.set(placeKey({ address: local.address, port: socket.local.port }), socket);
      const bound = { address: local.address, port: socket.local.port };
      this.listeners.push(
        await net.listenTcp({
          local: bound,
          onStream: (stream) => this.takeStream(stream, place(bound.port)),
          onError: (error) => log?.error('stun.listener-failed', { ...describeError(error) }),
        }),
      );
    } catch (error) {
      throw listenError(local, error);
    }
  }

  private answerDatagram(data: Uint8Array, remote: Endpoint, place: ResponderPlace): void {
    const answer = this.answer(data, remote, place, 'udp');
    if (answer) this.byPlace.get(placeKey(answer.from))?.send(answer.bytes, answer.to);
  }

  private takeStream(stream: ByteStream, place: ResponderPlace): void {
    const { limits: { connections = 256, connectionsPerSource = 16, idleMs = 60_000 } = {}, clock } = this.options;
    const remote = { address: stream.remoteAddress ?? '', port: stream.remotePort ?? 0 };
    const source = sourceOf(remote.address);
    const ofSource = [...this.streams.values()].filter((other) => other === source).length;
    if (this.closing || this.streams.size >= connections || ofSource >= connectionsPerSource || remote.port === 0) {
      stream.destroy();
      return;
    }
    this.streams.set(stream, source);
    stream.once('close', () => this.streams.delete(stream));
    serveTcp(stream, { clock, idleMs, answer: (data) => this.answer(data, remote, place, 'tcp')?.bytes });
  }

  private answer(data: Uint8Array, remote: Endpoint, place: ResponderPlace, transport: 'udp' | 'tcp'): Answer | undefined {
    if (remote.port === 0 || !this.rate.take(remote.address)) return undefined;
    if (transport === 'udp' && this.datagrams?.take() === false) return undefined;
    const answer = answerBinding(data, { remote, place, transport });
    if (answer) this.options.log?.debug('stun.answered', { transport, remote: remote.address, port: remote.port });
    return answer;
  }
}

function placeKey({ address, port }: Endpoint): string {
  return `${address} ${port}`;
}

function alternateProblem(listen: Endpoint, alternate: Endpoint): string | undefined {
  const wildcard = [listen, alternate].find(({ address }) => address === '0.0.0.0' || address === '::');
  if (wildcard) return `${wildcard.address} stands for all addresses, but RFC 5780 needs two that are named.`;
  if (isIP(listen.address) !== isIP(alternate.address)) return 'The two addresses are of different IP versions.';
  if (listen.address === alternate.address) return `Both addresses are ${listen.address}.`;
  if (listen.port === alternate.port) return `Both ports are ${listen.port}.`;
  return listen.port === 0 || alternate.port === 0 ? 'Port 0 cannot be told to clients in advance.' : undefined;
}

function listenError({ address, port }: Endpoint, error: unknown): AgentError {
  const { code, message } = describeError(error);
  const place = isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
  if (code === 'EADDRINUSE') return new AgentError('STUN_PORT_TAKEN', `Another program uses ${place}.`, { cause: error });
  return new AgentError('STUN_LISTEN_FAILED', `Cannot listen on ${place}: ${message}.`, { cause: error });
}
