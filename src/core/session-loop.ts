import { inject, injectable } from 'tsyringe';
import { findAdjacentAgents } from './adjacent-agents.js';
import { Bridges } from './bridge.js';
import { type Clock, sleep } from './clock.js';
import { permits } from './config/permits.js';
import { Discovery } from './discovery.js';
import { describeError, type RatatoskrError, SignallingError, StrategyError } from './errors.js';
import type { EventSource, PeerRef } from './events.js';
import { Ladder } from './ladder.js';
import type { Net } from './net.js';
import { NetworkWatch } from './network-watch.js';
import { Peer } from './peer.js';
import { Peerings } from './peerings.js';
import { pollPause } from './poll-pause.js';
import type { Random } from './random.js';
import type { Router, RouterSelf, RouterSession } from './router.js';
import { SessionWorth } from './session-worth.js';
import { Admission } from './signalling/admission.js';
import type { SignallingLink } from './signalling/link.js';
import { Signalling } from './signalling/signalling.js';
import type { SuccessMemory } from './success-memory.js';
import { TokenBucket } from './token-bucket.js';
import { type Settings, tokens } from './tokens.js';
import { WatchedSession } from './watched-session.js';

/** A session that is missing from this many polls in a row has ended. */
const missesToEnd = 2;
/** How long a peer has until one that waits for its place may have it, in milliseconds. */
const graceMs = 30_000;
/** How long a session is remembered after its end, in milliseconds. */
const memoryMs = 60_000;
/** For this part of the idle timeout nobody asks whether an idle session is kept: for thousands at every poll it is much to ask. */
const heedlessPart = 0.05;

/** How often what peers offer is a reason to try others at once, and how often a second in the long run: peers may change it all the time. */
const hurryRate = { burst: 4, perSecond: 1 / 60 };

/** Watches the router's sessions and keeps one {@link Peer} for each that deserves a bridge, and for each that a discovery source found. */
@injectable()
export class SessionLoop {
  private readonly watched = new Map<string, WatchedSession>();
  /** Those that have a peer. */
  private readonly served = new Set<WatchedSession>();
  private readonly network: NetworkWatch;
  private running = new AbortController();
  private life: Promise<void> = Promise.resolve();
  private polls = 0;
  /** Sessions that allow and deny keep out, so that each poll need not ask again, and the number of the last poll that had them. */
  private readonly refused = new Map<string, number>();
  private readonly hurries: TokenBucket;

  constructor(
    @inject(tokens.router) private readonly router: Router,
    @inject(tokens.net) private readonly net: Net,
    @inject(tokens.clock) private readonly clock: Clock,
    @inject(tokens.random) private readonly random: Random,
    @inject(tokens.events) private readonly events: EventSource,
    @inject(tokens.settings) private readonly settings: Settings,
    @inject(Signalling) private readonly signalling: Signalling,
    @inject(Admission) private readonly admission: Admission,
    @inject(Ladder) private readonly ladder: Ladder,
    @inject(Bridges) private readonly bridges: Bridges,
    @inject(tokens.memory) private readonly memory: SuccessMemory,
    @inject(Discovery) private readonly discovery: Discovery,
    @inject(Peerings) private readonly peerings: Peerings,
    @inject(SessionWorth) private readonly worth: SessionWorth,
  ) {
    this.network = new NetworkWatch(net);
    this.hurries = new TokenBucket(clock, hurryRate);
  }

  /** The router is there: meet and bridge until `stop`. */
  start(self: RouterSelf): void {
    this.running = new AbortController();
    const { signal } = this.running;
    this.peerings.expire();
    this.signalling.onLink = (link) => this.linkUp(link);
    this.signalling.onHello = ({ key }) => this.discovery.greeted(key);
    this.admission.makeRoom = () => this.evict(({ key }) => this.signalling.linkWith(key) !== undefined);
    this.signalling.purposeOf = (address) => {
      const peer = this.discovery.wantedAt(address);
      return peer && this.worth.purposeOf(peer.key);
    };
    this.discovery.start(self);
    this.life = Promise.all([this.signalling.open(self), this.poll(signal)]).then(() => {});
  }

  /** Takes every bridge down and says bye. Resolves when all is given back. */
  async stop(reason: RatatoskrError): Promise<void> {
    this.running.abort(reason);
    const discovered = this.discovery.stop(reason);
    await Promise.all([...this.served].map(({ peer }) => peer?.end(reason)));
    await this.signalling.close(reason.message);
    await Promise.all([this.life, discovered]);
    this.watched.clear();
    this.served.clear();
  }

  /** The configuration has changed: peers that are no longer permitted go. */
  async reconsider(): Promise<void> {
    this.refused.clear();
    const unwanted = [...this.watched.values()].filter((session) => !permits(this.settings.current, session));
    for (const { key } of unwanted) this.watched.delete(key);
    const reason = new SignallingError('SIGNALLING_NOT_ALLOWED', 'No longer permitted.');
    await Promise.all(unwanted.map((session) => this.release(session, reason)));
  }

  /** Round trip to the agent of a peer in milliseconds, meeting it if need be. @throws SignallingError */
  async ping(peer: PeerRef, signal: AbortSignal): Promise<number> {
    const link = this.signalling.linkWith(peer.key) ?? (await this.signalling.dial(peer, signal));
    return await link.roundTrip();
  }

  /** Something has changed for this peer: it is tried at once, without waiting for traffic or out a rest. */
  rouse(key: string): void {
    const session = this.watched.get(key);
    if (!session?.peer) return;
    session.invited = true;
    session.peer.networkChanged();
    this.worth.review(session);
    this.tellHold(key);
  }

  /**
   * A relay has been learnt of, or who answers STUN: where every strategy has failed with a peer, it is tried anew. Where that peer climbs, it
   * cannot know, and is told that a bridge is wanted.
   */
  helpLearnt(): void {
    const stuck = [...this.served].filter((session) => session.peer?.isAtAnEnd && !this.worth.isVisit(session));
    const followed = [...this.served].filter((session) => this.isFollowed(session) && this.worth.needsHelp(session));
    if (stuck.length + followed.length === 0 || !this.hurries.take()) return;
    for (const session of stuck) {
      session.invited = true;
      session.peer?.linkUp();
      this.worth.review(session);
    }
    for (const { key } of followed) {
      this.signalling.linkWith(key)?.hold(true);
      this.tellHold(key);
    }
  }

  private isFollowed({ key, peer }: WatchedSession): boolean {
    return peer?.state === 'waiting' && this.signalling.linkWith(key)?.identity.role === 'controlled';
  }

  /** Tells the peer, which may be who has to climb, whether a bridge is wanted whatever the session carries. */
  tellHold(key: string): void {
    this.signalling.linkWith(key)?.hold(this.discovery.wants(key));
  }

  private async poll(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let sessions = 0;
      try {
        sessions = await this.look(signal);
      } catch (error) {
        // The router's absence is told by the admin client; anything else is ours to tell.
        if (!signal.aborted) this.events.publish('log', { level: 'warn', name: 'poll.failed', fields: describeError(error) });
      }
      await sleep(this.clock, pollPause(sessions, this.settings.current.sessions.pollInterval), signal).catch(() => {});
    }
  }

  /** @returns how many sessions the router has */
  private async look(signal: AbortSignal): Promise<number> {
    this.noticeNetworkChange();
    const sessions = await this.router.sessions(signal);
    if (this.mustLookAtPeerings(sessions)) await this.peerings.look(signal);
    if (signal.aborted) return sessions.length;
    const now = this.clock.now();
    this.polls++;
    for (const session of sessions) this.sample(session, now);
    // Where there is no STUN server but what peers offer, the first bridge is not to wait for them.
    if (this.settings.current.stun.length === 0 || [...this.served].some((session) => this.worth.needsHelp(session)))
      findAdjacentAgents(this.peerings.all, this.discovery);
    this.meetFound(now);
    for (const session of this.watched.values()) {
      if (session.poll === this.polls) session.misses = 0;
      else {
        session.misses++;
        if (session.misses === 1) session.missedSince = now;
        if (session.misses === missesToEnd) session.ended();
      }
      if (session.peer) this.keepOrRelease(session, now);
      else if (session.misses > 0 && now - session.missedSince > memoryMs) this.watched.delete(session.key);
    }
    for (const [key, poll] of this.refused) if (poll !== this.polls) this.refused.delete(key);
    return sessions.length;
  }

  private keepOrRelease(session: WatchedSession, now: number): void {
    const { idleTimeout } = this.settings.current.sessions;
    const idleMs = now - session.lastForeignAt;
    const isOver = session.misses >= missesToEnd;
    if (!isOver && idleMs < idleTimeout * heedlessPart) return;
    if (this.worth.isKept(session)) session.lastForeignAt = now;
    else if (isOver) void this.release(session, sessionEnded('The session has ended.'));
    else if (idleMs > idleTimeout) void this.release(session, sessionEnded('The session carries nothing.'));
  }

  /** Nobody is to get a bridge beside a direct peering; while everybody has one, a look now and then will do. */
  private mustLookAtPeerings(sessions: readonly RouterSession[]): boolean {
    return (
      this.peerings.isOutdated ||
      [...this.served].some(({ peer }) => !peer?.bridged) ||
      sessions.some(({ key }) => !this.watched.get(key)?.peer && !this.refused.has(key))
    );
  }

  /** Other addresses than at the last look: everybody is tried afresh, without waiting for traffic. */
  private noticeNetworkChange(): void {
    const addresses = this.network.changed();
    if (!addresses) return;
    this.events.publish('network.changed', { addresses });
    for (const session of this.served) {
      session.invited = !this.worth.isVisit(session);
      session.peer?.networkChanged();
      this.worth.review(session);
    }
  }

  private sample(session: RouterSession, now: number): void {
    const total = session.bytesIn + session.bytesOut;
    let watched = this.watched.get(session.key);
    if (!watched) {
      if (this.refused.has(session.key) || !permits(this.settings.current, session))
        return void this.refused.set(session.key, this.polls);
      watched = this.watch(session.key, session.address);
    }
    watched.poll = this.polls;
    if (watched.total === total) return;
    watched.total = total;
    const link = this.signalling.linkWith(session.key);
    if (link) watched.creditLink(link.stream, this.net, now);
    const { foreignBytes } = watched.activity;
    watched.activity.sample(total, now);
    if (watched.activity.foreignBytes > foreignBytes) watched.lastForeignAt = now;
    const isNeighbour = this.peerings.has(session.key);
    if (watched.peer) {
      // Where we have only come to ask, what there is may be our question, and with a neighbour whose agent did not answer it is.
      if (!isNeighbour && !this.worth.isVisit(watched)) this.announce(watched);
    } else if (
      !isNeighbour &&
      this.discovery.watchesSessions &&
      watched.activity.foreignBytes > watched.spentBytes &&
      this.makeRoom()
    ) {
      this.announce(watched);
      this.meet(watched, now);
    }
    this.worth.review(watched);
  }

  /** Meets what the discovery sources have found, where there is room without anybody losing a place. */
  private meetFound(now: number): void {
    for (const { key, address } of this.discovery.wanted()) {
      if (this.signalling.linkWith(key)) this.discovery.confirm(key);
      const known = this.watched.get(key);
      if (known?.peer) this.worth.review(known);
      if (known?.peer || !permits(this.settings.current, { key, address })) continue;
      if (this.served.size >= this.settings.current.signalling.maxPeers || !this.discovery.mayAsk(key)) return;
      this.meet(known ?? this.watch(key, address), now);
    }
  }

  private watch(key: string, address: string): WatchedSession {
    const watched = new WatchedSession({ key, address }, this.clock.now());
    this.watched.set(key, watched);
    return watched;
  }

  private announce(session: WatchedSession): void {
    const { announced, key, address } = session;
    session.announced = true;
    if (!announced) this.events.publish('session.seen', { peer: { key, address } });
  }

  private meet(session: WatchedSession, now: number): void {
    const { key, address } = session;
    session.seenAt = now;
    this.served.add(session);
    session.peer = new Peer({ key, address }, now, {
      signalling: this.signalling,
      ladder: this.ladder,
      bridges: this.bridges,
      memory: this.memory,
      clock: this.clock,
      random: this.random,
      events: this.events,
      wanted: (_, signal) => this.worth.untilDeserved(session, signal),
      refusal: () => this.worth.refusal(session),
      tried: () => this.tried(session),
      creditOwn: (_, bytes) => session.activity.creditOwn(bytes, this.clock.now()),
    });
  }

  /** An agent has reached us: there is a session behind that, whether we have seen it yet or not. */
  private linkUp(link: SignallingLink): void {
    const { key, address } = link.peer;
    const session = this.watched.get(key) ?? this.watch(key, address);
    session.linkUp();
    link.onHeld = () => {
      session.invited = true;
      session.peer?.linkUp();
      this.worth.review(session);
    };
    session.invited = !this.worth.isVisit(session);
    this.discovery.confirm(key);
    this.announce(session);
    if (!session.peer) this.meet(session, this.clock.now());
    session.peer?.linkUp();
    this.worth.review(session);
    link.signal.addEventListener('abort', () => session.linkDown(this.clock.now()), { once: true });
  }

  /** Lets the peer go, but remembers the session for a while: even the end of a link may make a short one of its own. */
  private async release(session: WatchedSession, reason: RatatoskrError): Promise<void> {
    const { peer } = session;
    if (!peer) return;
    session.peer = undefined;
    this.served.delete(session);
    this.tried(session);
    if (session.announced) this.events.publish('session.ended', { peer: peer.ref });
    session.announced = false;
    await peer.end(reason);
  }

  private tried(session: WatchedSession): void {
    this.discovery.tried(session.key);
    session.tried();
  }

  /** @returns whether there is room for one more */
  private makeRoom(): boolean {
    return this.served.size < this.settings.current.signalling.maxPeers || this.evict();
  }

  /** At the cap a newcomer takes the place of one that has come to nothing. @returns whether there was one */
  private evict(isOne: (session: WatchedSession) => boolean = () => true): boolean {
    const now = this.clock.now();
    const idle = [...this.served].find((one) => one.peer?.idle && now - one.seenAt > graceMs && isOne(one));
    if (!idle) return false;
    void this.release(idle, new StrategyError('PEER_BUSY', 'Another peer needs the place.'));
    return true;
  }
}

function sessionEnded(why: string): StrategyError {
  return new StrategyError('SESSION_ENDED', why);
}
