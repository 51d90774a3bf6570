import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { deriveKey } from '../../core/attempt-secret.js';
import { sleep } from '../../core/clock.js';
import { withDeadline } from '../../core/deadline.js';
import { StrategyError } from '../../core/errors.js';
import type { Endpoint } from '../../core/net.js';
import type { ReliableUdp, ReliableUdpSocket } from '../../core/reliable-udp.js';
import { seal } from '../../core/sealing.js';
import { type AttemptContext, asPath, type Path, type StrategyServices } from '../../core/strategy.js';
import { type Candidate, distinct, formatEndpoint, usableCandidates } from '../../discovery/candidates.js';
import { StunTransactions } from '../../discovery/stun/stun-transactions.js';
import { openMany, openPorts, probeMany } from './birthday.js';
import { ConnectivityChecks, type Pair } from './checks.js';
import { predictPorts } from './mapping.js';
import { type Offer, offerMessage } from './messages.js';
import { type CheckSockets, gatherOffer } from './own-offer.js';
import { type Plan, planFor } from './plan.js';
import { PunchingSockets } from './sockets.js';

/** How long the peer may take to gather its candidates, in milliseconds. */
const offerDeadlineMs = 10_000;
/** How long both ends go on, in milliseconds; less where UDP most likely does not pass at all. */
const punchDeadlineMs = { usual: 5000, blocked: 2000 };
/** Checks have one overlay round trip, within these bounds in milliseconds, before the birthday begins. */
const headStartMs = { least: 50, most: 300 };

/** Ports of a birthday, which all attempts share. */
export type LendPorts = (wanted: number) => { readonly count: number; giveBack(): void };

/** One attempt at this end, from the first socket to the sealed stream. */
export class PunchingAttempt {
  private readonly sockets: PunchingSockets;
  private readonly checks: ConnectivityChecks;
  private readonly transactions: StunTransactions;
  private readonly over = new AbortController();
  private readonly signal: AbortSignal;
  private ipv4: ReliableUdpSocket | undefined;

  constructor(
    private readonly context: AttemptContext,
    private readonly services: StrategyServices,
    layer: ReliableUdp,
    private readonly lendPorts: LendPorts,
  ) {
    const { clock, random } = services;
    const { role, secret } = context;
    this.signal = AbortSignal.any([context.signal, this.over.signal]);
    this.checks = new ConnectivityChecks({ clock, random, role, secret });
    this.transactions = new StunTransactions({ clock, random, send: (data, remote) => this.ipv4?.send(data, remote) });
    this.sockets = new PunchingSockets(layer, (socket, data, remote) => {
      // The answer to a check looks like that of a server, but to a transaction of its own.
      if (socket !== this.ipv4 || !this.transactions.receive(data, remote)) this.checks.receive(socket, data, remote);
    });
  }

  /** @throws StrategyError, or the signal's reason; nothing is left behind */
  async run(): Promise<Path> {
    const { services, signal } = this;
    let kept: ReliableUdpSocket | undefined;
    try {
      signal.throwIfAborted();
      const sockets = await this.bind();
      const own = await gatherOffer({ services, sockets, transactions: this.transactions, signal });
      const peer = await this.exchange(own);
      const pair = await this.punch(sockets, own, peer);
      const path = await this.open(pair, own, peer);
      kept = pair.socket;
      return path;
    } finally {
      this.checks.stop();
      this.transactions.close();
      this.over.abort(new StrategyError('PATH_SUPERSEDED', 'The attempt is over.'));
      await this.sockets.end(kept);
    }
  }

  private async bind(): Promise<CheckSockets> {
    this.ipv4 = await this.sockets.bind('0.0.0.0');
    return { ipv4: this.ipv4, ipv6: await this.sockets.bind('::').catch(() => undefined) };
  }

  /** The controlled end makes its offer first, so that the controlling end's is the signal to start. */
  private async exchange(own: Offer): Promise<Offer> {
    const { channel, role, signal } = this.context;
    if (role === 'controlled') await channel.send(own);
    const answer = await withDeadline(channel.receive(), {
      clock: this.services.clock,
      timeoutMs: offerDeadlineMs,
      signal,
      expired: () => new StrategyError('NO_CANDIDATES', `The peer sent no candidates within ${offerDeadlineMs / 1000} s.`),
    });
    if (role === 'controlling') await channel.send(own);
    const message = offerMessage.safeParse(answer);
    if (message.success) return message.data;
    throw new StrategyError('CANDIDATES_INVALID', 'The peer’s candidates are not valid.', { cause: message.error });
  }

  private async punch(sockets: CheckSockets, own: Offer, peer: Offer): Promise<Pair> {
    const { clock, log } = this.services;
    const { context, checks, signal } = this;
    const plan = planFor(own.mapping, peer.mapping, { direct: canMeetDirectly(own, peer) });
    log.debug('udp.plan', { own: own.mapping, peer: peer.mapping, plan: plan.kind });
    if (plan.kind === 'hopeless') throw new StrategyError(plan.code, plan.message);
    const remotes = remotesOf(own, peer);
    if (remotes.length === 0 && remotesOf(peer, own).length === 0) {
      throw new StrategyError('NO_CANDIDATES', 'Neither end has an address that the other can try.');
    }
    if (context.role === 'controlling') await sleep(clock, context.overlayRttMs / 2, signal);
    const startedAt = clock.now();
    for (const remote of remotes) {
      const socket = isIPv6(remote.address) ? sockets.ipv6 : sockets.ipv4;
      if (socket) checks.add(socket, remote);
    }
    checks.start();
    const birthday = this.celebrate(plan, remotes, sockets.ipv4);
    try {
      const blocked = own.mapping === 'blocked' || peer.mapping === 'blocked';
      const timeoutMs = blocked ? punchDeadlineMs.blocked : punchDeadlineMs.usual;
      return await withDeadline(checks.nominated, {
        clock,
        timeoutMs,
        signal,
        expired: () => this.timedOut(blocked, timeoutMs),
      });
    } finally {
      this.over.abort(new StrategyError('PATH_SUPERSEDED', 'The attempt is over.'));
      await birthday;
      log.debug('udp.checked', { plan: plan.kind, sent: checks.sent, durationMs: clock.now() - startedAt });
    }
  }

  /** Against random ports, once the checks have had their chance. Never rejects. */
  private async celebrate(plan: Plan, remotes: readonly Candidate[], socket: ReliableUdpSocket): Promise<void> {
    // Where the NAT has given the peer its address; without a NAT there is but one.
    const ipv4 = remotes.filter(({ address }) => isIPv4(address));
    const known = ipv4.find(({ type }) => type === 'server-reflexive') ?? ipv4[0];
    if (plan.kind !== 'birthday' || !known) return;
    const { clock, random } = this.services;
    const { checks } = this;
    const signal = AbortSignal.any([this.signal, checks.heard]);
    const headStart = Math.min(headStartMs.most, Math.max(headStartMs.least, this.context.overlayRttMs));
    try {
      await sleep(clock, headStart, signal);
    } catch {
      return;
    }
    if (plan.side === 'probe') {
      await probeMany(socket, known.address, { clock, random, checks, signal });
      return;
    }
    const lent = this.lendPorts(openPorts);
    try {
      const opened = await this.sockets.bindMany(lent.count);
      await openMany(opened, known, { clock, checks, signal });
    } finally {
      lent.giveBack();
    }
  }

  private timedOut(blocked: boolean, timeoutMs: number): StrategyError {
    if (blocked) {
      const message = 'No STUN server answered over UDP at one end, and neither did the other end at its own addresses.';
      return new StrategyError('UDP_BLOCKED', message);
    }
    const { sent } = this.checks;
    return new StrategyError('PUNCH_TIMEOUT', `None of ${sent} checks came through within ${timeoutMs / 1000} s.`);
  }

  /** The checks were the proof that the peer is there; the seal is the proof that it made each byte. */
  private async open({ socket, remote }: Pair, own: Offer, peer: Offer): Promise<Path> {
    const { secret, role, signal } = this.context;
    const stream = socket.open({ remote, localId: own.streamId, remoteId: peer.streamId, key: deriveKey(secret, 'udp stream') });
    stream.on('error', () => {});
    const sealed = await seal(stream, { secret, role, clock: this.services.clock, signal });
    sealed.once('close', () => void socket.close());
    return asPath(sealed, {
      kind: 'direct',
      local: formatEndpoint({ ...socket.local, address: addressFor(remote, own) ?? socket.local.address }),
      remote: formatEndpoint(remote),
      carrier: 'udx',
    });
  }
}

/** Whether there is a way between the two that no NAT's mapping is in. The same at both ends. */
function canMeetDirectly(own: Offer, peer: Offer): boolean {
  const reaches = (from: Offer, to: Offer) =>
    usableCandidates(from.candidates, to.candidates).some(
      ({ type, address }) =>
        (type === 'host' || type === 'mapped') &&
        (isIPv4(address) || from.candidates.some((each) => each.type === 'host' && isIPv6(each.address))),
    );
  return reaches(own, peer) || reaches(peer, own);
}

/** This machine's address towards a remote, where there is but one that it can be: the sockets are bound to all. */
function addressFor(remote: Endpoint, own: Offer): string | undefined {
  const hosts = own.candidates.filter(({ type, address }) => type === 'host' && isIPv6(address) === isIPv6(remote.address));
  return hosts.length === 1 ? hosts[0]?.address : undefined;
}

/** What of the peer is worth a check: its candidates, and the ports that its NAT will likely take. */
function remotesOf(own: Offer, peer: Offer): Candidate[] {
  const told = usableCandidates(own.candidates, distinct(peer.candidates));
  const address = peer.samples.at(-1)?.address ?? '';
  const predicted = predictPorts(peer.samples).map((port) => ({ type: 'server-reflexive' as const, address, port }));
  // The next ports come first: where this end's NAT counts too, each address that is checked moves its own next port.
  const all = [...usableCandidates(own.candidates, predicted), ...told];
  // In the one form that sockets tell addresses in.
  return all.map((candidate) => ({ ...candidate, address: ipaddr.parse(candidate.address).toString() }));
}
