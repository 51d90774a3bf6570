import { z } from 'zod';
import { withDeadline } from '../../core/deadline.js';
import { StrategyError } from '../../core/errors.js';
import type { ByteStream } from '../../core/net.js';
import {
  type AttemptContext,
  asPath,
  defineStrategy,
  type Path,
  type Strategy,
  type StrategyServices,
} from '../../core/strategy.js';
import {
  type Candidate,
  distinct,
  formatEndpoint,
  hostCandidates,
  reflexiveCandidate,
  usableCandidates,
} from '../../discovery/candidates.js';
import { discoverExternalAddress } from '../../discovery/stun/external-address.js';
import { candidatesMessage } from './messages.js';
import { punch } from './punch.js';
import { openPunchingPort } from './punching-port.js';

const name = 'tcp-hole-punching';
/** How long the peer may take to gather its candidates, in milliseconds. */
const candidatesDeadlineMs = 10_000;
/** How long both ends go on punching, in milliseconds. */
const punchDeadlineMs = 8000;
/** Connections at once that have come in and not proved themselves. */
const maxAccepted = 32;
/** A dead path is given up after this long and a probe, idle or not, in milliseconds: five seconds are promised. */
const pathTimeoutMs = 3000;
const keepAliveMs = 1000;

/** TCP hole punching by simultaneous open (RFC 5128, section 3.4): both ends connect from and to the ports that STUN showed. */
export const tcpHolePunching = defineStrategy({
  name,
  apiVersion: 1,
  options: z.strictObject({}),
  create: (_, services) => new TcpHolePunching(services),
});

class TcpHolePunching implements Strategy {
  readonly name = name;

  constructor(private readonly services: StrategyServices) {}

  async attempt(context: AttemptContext): Promise<Path> {
    const { net, clock, random, log } = this.services;
    const over = new AbortController();
    const signal = AbortSignal.any([context.signal, over.signal]);
    const candidates = new ProvenStream(context);
    const port = await openPunchingPort(net, random, (stream) => candidates.offerIncoming(stream));
    let own: OwnCandidates | undefined;
    try {
      own = await this.gather(port.port, signal);
      const remote = await this.exchange(context, own.candidates);
      const startAt = clock.now() + (context.role === 'controlling' ? context.overlayRttMs / 2 : 0);
      const outcomes = new Map<string, string>();
      log.debug('punch.start', { port: port.port, candidates: remote.map(formatEndpoint) });
      for (const candidate of remote) {
        void punch(candidate, {
          net,
          clock,
          localPort: port.port,
          shift: context.role === 'controlling',
          startAt,
          signal,
          accept: (stream) => candidates.offer(stream, { speakFirst: true }),
          onFailure: (reason) => {
            log.debug('punch.failed', { remote: formatEndpoint(candidate), reason });
            outcomes.set(formatEndpoint(candidate), reason);
          },
        });
      }
      const stream = await withDeadline(candidates.proven, {
        clock,
        timeoutMs: punchDeadlineMs,
        signal: context.signal,
        expired: () =>
          new StrategyError('PUNCH_TIMEOUT', `No connection within ${punchDeadlineMs / 1000} s: ${describeOutcomes(outcomes)}.`),
      });
      return this.label(stream);
    } finally {
      over.abort(new StrategyError('PATH_SUPERSEDED', 'The attempt is over.'));
      own?.close();
      await port.close();
    }
  }

  /** Our own candidates. The STUN connections stay open while we punch, for they hold the NAT's mapping. */
  private async gather(port: number, signal: AbortSignal): Promise<OwnCandidates> {
    const { net, clock, random, addresses, log } = this.services;
    const external = await discoverExternalAddress({
      net,
      clock,
      random,
      servers: addresses.stunServers,
      local: { port },
      family: 4,
      signal,
    });
    if (external.agreement === 'disagree') log.warn('stun.disagreement', { observations: external.observations });
    for (const failure of external.failures) log.debug('stun.failed', { ...failure });
    const mapped = external.observations.map((observation) => reflexiveCandidate(observation.mapped));
    return { candidates: distinct([...hostCandidates(net.interfaces(), port), ...mapped]), close: () => external.close() };
  }

  /** The controlled end shows its candidates first, so that the controlling end's are the signal to start. */
  private async exchange({ channel, role, signal }: AttemptContext, own: readonly Candidate[]): Promise<Candidate[]> {
    if (role === 'controlled') await channel.send({ candidates: own });
    const answer = await withDeadline(channel.receive(), {
      clock: this.services.clock,
      timeoutMs: candidatesDeadlineMs,
      signal,
      expired: () => new StrategyError('NO_CANDIDATES', `The peer sent no candidates within ${candidatesDeadlineMs / 1000} s.`),
    });
    if (role === 'controlling') await channel.send({ candidates: own });
    const message = candidatesMessage.safeParse(answer);
    if (!message.success)
      throw new StrategyError('CANDIDATES_INVALID', 'The peer’s candidates are not valid.', { cause: message.error });
    const usable = usableCandidates(own, distinct(message.data.candidates));
    if (usable.length > 0) return usable;
    throw new StrategyError(
      'NO_CANDIDATES',
      `None of the ${message.data.candidates.length} addresses of the peer can be tried from here.`,
    );
  }

  private label(stream: ByteStream): Path {
    const { net } = this.services;
    net.tune(stream, { userTimeoutMs: pathTimeoutMs, keepAliveMs, congestion: 'bbr' });
    const congestion = net.tcpInfo(stream)?.congestion;
    return asPath(stream, {
      kind: 'direct',
      local: formatEndpoint({ address: stream.localAddress ?? '', port: stream.localPort ?? 0 }),
      remote: formatEndpoint({ address: stream.remoteAddress ?? '', port: stream.remotePort ?? 0 }),
      ...(congestion ? { congestion } : {}),
    });
  }
}

interface OwnCandidates {
  readonly candidates: Candidate[];
  close(): void;
}

/** The one stream of an attempt that both ends settle on, of all that come up. */
class ProvenStream {
  readonly proven: Promise<ByteStream>;
  private settle: (stream: ByteStream) => void = () => {};
  private incoming = 0;

  constructor(private readonly context: AttemptContext) {
    this.proven = new Promise((resolve) => {
      this.settle = resolve;
    });
  }

  /** @returns whether the peer is at the other end and this is the stream both use */
  async offer(stream: ByteStream, options: { readonly speakFirst: boolean }): Promise<boolean> {
    try {
      await this.context.prove(stream, options);
      this.settle(stream);
      return true;
    } catch {
      return false;
    }
  }

  /** A connection to our port, from anyone: it gets no byte before it has proved itself, and strangers may not pile up. */
  offerIncoming(stream: ByteStream): void {
    if (this.incoming >= maxAccepted) {
      stream.destroy();
      return;
    }
    this.incoming += 1;
    void this.offer(stream, { speakFirst: false }).finally(() => {
      this.incoming -= 1;
    });
  }
}

function describeOutcomes(outcomes: ReadonlyMap<string, string>): string {
  return [...outcomes].map(([endpoint, outcome]) => `${endpoint} ${outcome}`).join(', ') || 'no answer from any address';
}
