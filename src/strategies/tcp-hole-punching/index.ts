import { isIPv4 } from 'node:net';
import { z } from 'zod';
import { withDeadline } from '../../core/deadline.js';
import { StrategyError } from '../../core/errors.js';
import type { ByteStream } from '../../core/net.js';
import { isPublicAddress } from '../../core/reach.js';
import { type AttemptContext, defineStrategy, type Path, type Strategy, type StrategyServices } from '../../core/strategy.js';
import { type Candidate, distinct, formatEndpoint, usableCandidates } from '../../discovery/candidates.js';
import { ProvenStream } from '../../discovery/proven-stream.js';
import { sealOption } from '../../discovery/seal-option.js';
import { DisagreementWarning } from '../../discovery/stun/disagreement.js';
import { tcpPath } from '../../discovery/tcp-path.js';
import { type BirthdayOptions, openMany, probeMany, type Tally } from './birthday.js';
import { candidatesMessage, type NatFinding } from './messages.js';
import { gatherCandidates, type OwnCandidates } from './own-candidates.js';
import { mayComeEarly, type Plan, planFor } from './plan.js';
import { punch } from './punch.js';
import { openPunchingPort } from './punching-port.js';

const name = 'tcp-hole-punching';
/** How long the peer may take to gather its candidates, in milliseconds. */
const candidatesDeadlineMs = 10_000;
/** How long both ends go on punching, in milliseconds. */
const punchDeadlineMs = 8000;
/** How long ordinary tries are left alone before the birthday paradox, in milliseconds: at most this, else an overlay round trip. */
const maxHeadStartMs = 500;

/** TCP hole punching by simultaneous open (RFC 5128, section 3.4): both ends connect from and to the ports that STUN showed. */
export const tcpHolePunching = defineStrategy({
  name,
  apiVersion: 1,
  options: z.strictObject({ seal: sealOption }),
  create: ({ seal }, services) => new TcpHolePunching(services, seal),
});

class TcpHolePunching implements Strategy {
  readonly name = name;

  private readonly disagreement: DisagreementWarning;

  constructor(
    private readonly services: StrategyServices,
    private readonly seal: boolean,
  ) {
    this.disagreement = new DisagreementWarning(services);
  }

  async attempt(context: AttemptContext): Promise<Path> {
    const { net, clock, random, log } = this.services;
    const over = new AbortController();
    const signal = AbortSignal.any([context.signal, over.signal]);
    const candidates = new ProvenStream(context);
    const port = await openPunchingPort(net, random, (stream) => candidates.offerIncoming(stream));
    let own: OwnCandidates | undefined;
    try {
      own = await gatherCandidates({ services: this.services, disagreement: this.disagreement, port: port.port, signal });
      const peer = await this.exchange(context, own);
      const { remote, plan } = planOf(own, peer, this.services.addresses.neighbour?.(context.peer.key));
      log.debug('punch.plan', { own: own.nat, peer: peer.nat, plan });
      if (plan.kind === 'hopeless') throw new StrategyError('DOUBLE_RANDOM_NAT', plan.message);
      if (remote.length === 0) {
        const message = `None of the ${peer.candidates.length} addresses of the peer can be tried from here.`;
        throw new StrategyError('NO_CANDIDATES', message);
      }
      const now = clock.now();
      // The controlled end begins when it has heard of our candidates.
      const startAt = now + (context.role === 'controlling' ? context.overlayRttMs / 2 : 0);
      const firstAt = mayComeEarly(own.nat, peer.nat) ? now : startAt;
      const accept = (stream: ByteStream) => candidates.offer(stream, { speakFirst: true });
      const outcomes = new Map<string, string>();
      const tally: Tally = { begun: 0, failures: new Map(), strangers: 0 };
      log.debug('punch.start', { port: port.port, candidates: remote.map(formatEndpoint) });
      for (const candidate of remote) {
        void punch(candidate, {
          net,
          clock,
          localPort: port.port,
          shift: context.role === 'controlling',
          startAt,
          firstAt,
          signal,
          accept,
          onFailure: (reason) => {
            log.debug('punch.failed', { remote: formatEndpoint(candidate), reason });
            outcomes.set(formatEndpoint(candidate), reason);
          },
        });
      }
      if (plan.kind === 'birthday') {
        // Most ordinary tries that can work have connected by then.
        const headStartMs = Math.min(context.overlayRttMs, maxHeadStartMs);
        const options = { net, clock, startAt: startAt + headStartMs, signal, accept };
        void this.meetByChance(plan.side, { remote, localPort: port.port, options, tally });
      }
      const stream = await withDeadline(candidates.proven, {
        clock,
        timeoutMs: punchDeadlineMs,
        signal: context.signal,
        expired: () =>
          new StrategyError(
            'PUNCH_TIMEOUT',
            `No connection within ${punchDeadlineMs / 1000} s: ${describeOutcomes(outcomes, tally)}.`,
          ),
      });
      log.debug('punch.done', { plan: plan.kind, begun: tally.begun, ms: Math.round(clock.now() - startAt) });
      const { secret, role } = context;
      return await tcpPath(net, stream, this.seal || peer.seal ? { secret, role, clock, signal } : undefined);
    } finally {
      over.abort(new StrategyError('PATH_SUPERSEDED', 'The attempt is over.'));
      own?.close();
      await port.close();
    }
  }

  /** The birthday paradox, after the ordinary tries began. Never rejects. */
  private async meetByChance(side: 'open' | 'probe', { remote, localPort, options, tally }: ChanceMeeting): Promise<void> {
    const known = knownEndpoint(remote);
    if (!known) return;
    if (side === 'open') await openMany(known, punchDeadlineMs, options, tally);
    else await probeMany(known.address, { ...options, random: this.services.random, localPort }, tally);
  }

  /** The controlled end shows its candidates first, so that the controlling end's are the signal to start. */
  private async exchange({ channel, role, signal }: AttemptContext, { candidates, nat }: OwnCandidates): Promise<PeerOffer> {
    if (role === 'controlled') await channel.send({ candidates, nat, seal: this.seal });
    const answer = await withDeadline(channel.receive(), {
      clock: this.services.clock,
      timeoutMs: candidatesDeadlineMs,
      signal,
      expired: () => new StrategyError('NO_CANDIDATES', `The peer sent no candidates within ${candidatesDeadlineMs / 1000} s.`),
    });
    if (role === 'controlling') await channel.send({ candidates, nat, seal: this.seal });
    const message = candidatesMessage.safeParse(answer);
    if (!message.success)
      throw new StrategyError('CANDIDATES_INVALID', 'The peer’s candidates are not valid.', { cause: message.error });
    return { ...message.data, candidates: distinct(message.data.candidates) };
  }
}

interface PeerOffer {
  readonly candidates: readonly Candidate[];
  /** Undefined for agents that do not tell. */
  readonly nat?: NatFinding | undefined;
  /** It asks for a sealed path. */
  readonly seal: boolean;
}

interface ChanceMeeting {
  readonly remote: readonly Candidate[];
  readonly localPort: number;
  readonly options: BirthdayOptions;
  readonly tally: Tally;
}

/** What both ends do, and which of the peer's candidates this one tries. */
function planOf(
  own: OwnCandidates,
  peer: PeerOffer,
  heardAt: readonly string[] | undefined,
): { remote: Candidate[]; plan: Plan } {
  const remote = usableCandidates(own.candidates, peer.candidates, heardAt);
  // The same at both ends: whether either has a way to the other that no NAT's mapping is in.
  const direct = [...remote, ...usableCandidates(peer.candidates, own.candidates)].some(
    ({ type }) => type !== 'server-reflexive',
  );
  return { remote, plan: planFor(own.nat, peer.nat, { direct }) };
}

/** Where a peer is on the internet: what servers see of it, else its own public address. */
function knownEndpoint(remote: readonly Candidate[]): Candidate | undefined {
  const external = remote.filter(({ address }) => isIPv4(address) && isPublicAddress(address));
  return external.find(({ type }) => type === 'server-reflexive') ?? external[0];
}

function describeOutcomes(outcomes: ReadonlyMap<string, string>, { begun, failures, strangers }: Tally): string {
  const tries = [...outcomes].map(([endpoint, outcome]) => `${endpoint} ${outcome}`);
  const counts = [...failures].map(([reason, count]) => `${count} ${reason}`);
  if (strangers > 0) counts.push(`${strangers} answered by someone else`);
  const chance = begun === 0 ? [] : [`${begun} tries by chance: ${counts.join(', ') || 'no answer'}`];
  return [...tries, ...chance].join(', ') || 'no answer from any address';
}
