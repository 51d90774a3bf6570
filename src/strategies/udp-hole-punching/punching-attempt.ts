import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { sleep } from '../../core/clock.js';
import { withDeadline } from '../../core/deadline.js';
import { describeError, StrategyError } from '../../core/errors.js';
import type { Endpoint } from '../../core/net.js';
import type { ReliableUdp, ReliableUdpSocket } from '../../core/reliable-udp.js';
import type { AttemptContext, Path, StrategyServices } from '../../core/strategy.js';
import { type Candidate, distinct, usableCandidates } from '../../discovery/candidates.js';
import { StunTransactions } from '../../discovery/stun/stun-transactions.js';
import { openMany, openPorts, probeMany } from './birthday.js';
import { type Carrier, chooseCarrier } from './carriers.js';
import { ConnectivityChecks, type Pair } from './checks.js';
import { MappedPort } from './mapped-port.js';
import { predictPorts } from './mapping.js';
import { type Offer, offerMessage } from './messages.js';
import { type CheckSockets, gatherOffer } from './own-offer.js';
import { type Plan, planFor } from './plan.js';
import { openPunchedPath, type PunchedPath, type PunchedPathOptions } from './punched-path.js';
import { PunchingSockets } from './sockets.js';

/** How long the peer may take to gather its candidates, in milliseconds. */
const offerDeadlineMs = 10_000;
/** How long both ends go on, in milliseconds; less where UDP most likely does not pass at all. */
const punchDeadlineMs = { usual: 5000, blocked: 2000 };
/** Checks have one overlay round trip, within these bounds in milliseconds, before the birthday begins. */
const headStartMs = { least: 50, most: 300 };

export interface ChosenCarriers {
  /** Those that this end can use. */
  readonly carriers: readonly Carrier[];
  readonly quicListener?: Endpoint | undefined;
  readonly seal: boolean;
}

/** What birthdays take of something that all attempts share. */
export interface BirthdayShares {
  /** Ports to open. */
  lendPorts(wanted: number): { readonly count: number; giveBack(): void };
  /** May so many more datagrams be sent for this peer? */
  allowProbes(count: number): boolean;
}

/** One attempt at this end, from the first socket to the sealed stream. */
export class PunchingAttempt {
  private readonly sockets: PunchingSockets;
  private readonly checks: ConnectivityChecks;
  private readonly transactions: StunTransactions;
  private readonly over = new AbortController();
  private readonly signal: AbortSignal;
  private ipv4: ReliableUdpSocket | undefined;
  /** The birthday has sent all that it may. */
  private spent = false;
  private punched: PunchedPath | undefined;

  constructor(
    private readonly context: AttemptContext,
    private readonly services: StrategyServices,
    layer: ReliableUdp,
    private readonly chosen: ChosenCarriers,
    private readonly shares: BirthdayShares,
  ) {
    const { clock, random } = services;
    const { role, secret } = context;
    this.signal = AbortSignal.any([context.signal, this.over.signal]);
    this.checks = new ConnectivityChecks({ clock, random, role, secret });
    this.transactions = new StunTransactions({ clock, random, send: (data, remote) => this.ipv4?.send(data, remote) });
    this.sockets = new PunchingSockets(layer, (socket, data, remote) => {
      if (this.punched?.take(socket, data, remote)) return;
      // The answer to a check looks like that of a server, but to a transaction of its own.
      if (socket !== this.ipv4 || !this.transactions.receive(data, remote)) this.checks.receive(socket, data, remote);
    });
  }

  /** @throws StrategyError, or the signal's reason; nothing is left behind */
  async run(): Promise<Path> {
    const { services, signal } = this;
    let kept: ReliableUdpSocket | undefined;
    let mappedPort: MappedPort | undefined;
    let path: Path | undefined;
    try {
      signal.throwIfAborted();
      const sockets = await this.bind();
      // It serves the path, too, and outlives the attempt with it.
      mappedPort = new MappedPort(services, sockets.ipv4.local.port, this.context.signal);
      const carriers = { carriers: this.chosen.carriers, listens: this.chosen.quicListener !== undefined };
      const { seal } = this.chosen;
      const own = await gatherOffer({ services, sockets, transactions: this.transactions, mappedPort, carriers, seal, signal });
      const peer = await this.exchange(own);
      const choice = chooseCarrier(own, peer, this.context.role);
      if (!choice) throw new StrategyError('NO_COMMON_CARRIER', `This end enables ${own.carriers}, the peer ${peer.carriers}.`);
      const pair = await this.punch(sockets, own, peer);
      const listener = this.chosen.quicListener;
      const onCheck: PunchedPathOptions['onCheck'] = (data, remote, answer) =>
        this.checks.receive(pair.socket, data, remote, answer);
      this.punched = await openPunchedPath({ context: this.context, services, pair, own, peer, choice, listener, onCheck });
      path = this.punched.path;
      kept = pair.socket;
      return path;
    } finally {
      this.checks.stop();
      this.transactions.close();
      this.over.abort(new StrategyError('PATH_SUPERSEDED', 'The attempt is over.'));
      await this.sockets.end(kept);
      // The path may live by it, if it is of that socket.
      if (path && !path.destroyed && kept === this.ipv4) path.once('close', () => void mappedPort?.release());
      else await mappedPort?.release();
    }
  }

  private async bind(): Promise<CheckSockets> {
    this.ipv4 = await this.sockets.bind('0.0.0.0').catch((cause: unknown) => {
      this.signal.throwIfAborted();
      throw new StrategyError('SOCKETS_REFUSED', `There is no UDP socket: ${describeError(cause).message}.`, { cause });
    });
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
    const { clock, log, addresses } = this.services;
    const { context, checks, signal } = this;
    const plan = planFor(own.mapping, peer.mapping, { direct: canMeetDirectly(own, peer) });
    log.debug('udp.plan', { own: own.mapping, peer: peer.mapping, plan: plan.kind });
    if (plan.kind === 'hopeless') throw new StrategyError(plan.code, plan.message);
    const remotes = remotesOf(own, peer, addresses.neighbour?.(context.peer.key));
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
    const { checks, shares } = this;
    const signal = AbortSignal.any([this.signal, checks.valid]);
    const allow = (count: number) => {
      this.spent = !shares.allowProbes(count);
      return !this.spent;
    };
    const headStart = Math.min(headStartMs.most, Math.max(headStartMs.least, this.context.overlayRttMs));
    try {
      await sleep(clock, headStart, signal);
    } catch {
      return;
    }
    if (plan.side === 'probe') {
      await probeMany(socket, known.address, { clock, random, checks, allow, signal });
      return;
    }
    const lent = shares.lendPorts(openPorts);
    try {
      const opened = await this.sockets.bindMany(lent.count);
      await openMany(opened, known, { clock, checks, allow, signal });
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
    if (this.spent) {
      const message = `This end may send no more than it did to meet the peer by chance: ${sent} checks, and more in earlier attempts.`;
      return new StrategyError('PROBES_SPENT', message);
    }
    return new StrategyError('PUNCH_TIMEOUT', `None of ${sent} checks came through within ${timeoutMs / 1000} s.`);
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

/** What of the peer is worth a check: its candidates, and the ports that its NAT will likely take. */
function remotesOf(own: Offer, peer: Offer, heardAt?: readonly string[]): Candidate[] {
  const told = usableCandidates(own.candidates, distinct(peer.candidates), heardAt);
  const address = peer.samples.at(-1)?.address ?? '';
  const predicted = predictPorts(peer.samples).map((port) => ({ type: 'server-reflexive' as const, address, port }));
  // The next ports come first: where this end's NAT counts too, each address that is checked moves its own next port.
  const all = [...usableCandidates(own.candidates, predicted), ...told];
  // In the one form that sockets tell addresses in.
  return all.map((candidate) => ({ ...candidate, address: ipaddr.parse(candidate.address).toString() }));
}
