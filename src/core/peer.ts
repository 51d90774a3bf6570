import { aborted } from './aborted.js';
import type { ProvenPath } from './attempt.js';
import { BackOff } from './back-off.js';
import type { Bridge, Bridges } from './bridge.js';
import { type Clock, sleep } from './clock.js';
import type { ErrorCode } from './error-catalogue.js';
import { BridgeError, describeError, type RatatoskrError, SignallingError, StrategyError } from './errors.js';
import type { EventSource, PeerRef } from './events.js';
import { type ClimbOptions, type Ladder, LadderExhausted } from './ladder.js';
import { News } from './news.js';
import type { Random } from './random.js';
import type { AttemptOffer, SignallingLink } from './signalling/link.js';
import type { Signalling } from './signalling/signalling.js';
import type { SuccessMemory } from './success-memory.js';
import { TokenBucket } from './token-bucket.js';

/** Pauses after a failure, in milliseconds: from this to that. */
const firstPauseMs = 250;
const longestPauseMs = 5 * 60_000;
/** Pauses between tries for a better path than a relayed one, in milliseconds: from this to that. */
const firstUpgradeMs = 10_000;
const longestUpgradeMs = 10 * 60_000;
/** Peering priority of a first bridge, and the least there is; yggdrasil prefers the lower of two links to one key. */
const firstPriority = 128;
/** How long an old bridge outlives the better one, in milliseconds: more than a round trip. */
const overlapMs = 1000;
/** A bridge that held this long was a success: the next failure starts with the shortest pause. */
const provenBridgeMs = 60_000;

/** Why a bridge is down when nobody has taken it down. */
const lossOfPath: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['PATH_CLOSED', 'PATH_SILENT']);

/** Attempts that the peer may offer at once, and how many a second after that; its climbs and back-off need far fewer. */
const offerRate = { burst: 32, perSecond: 0.5 };

export type PeerState = 'meeting' | 'waiting' | 'climbing' | 'bridged' | 'resting' | 'ended';

export interface PeerServices {
  readonly signalling: Signalling;
  readonly ladder: Ladder;
  readonly bridges: Bridges;
  readonly memory: SuccessMemory;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventSource;
  /** Resolves when the peer's session deserves a bridge: traffic that is not ours, and enough of it. */
  wanted(peer: Peer, signal: AbortSignal): Promise<void>;
  /** Why an offer of this peer is refused, if it is. */
  refusal(peer: Peer): StrategyError | undefined;
  /** A try has ended: only what happens from now on is a reason for the next. */
  tried(peer: Peer): void;
  /** Our signalling is about to cause about this much on the session. */
  creditOwn(peer: Peer, bytes: number): void;
}

/** What a dial costs on the overlay while it has no answer, in bytes: a few SYNs, or a RST. */
const dialCost = 400;
/** And what a greeting costs that comes to nothing: were it taken for traffic of others, it would be a reason for the next. */
const refusedCost = 2500;

/**
 * One remote node, from its first session to its last: meets its agent, climbs or follows the ladder, holds the bridge, and
 * rests after failures.
 */
export class Peer {
  state: PeerState = 'meeting';

  private readonly living = new AbortController();
  private readonly backOff: BackOff;
  /** Pauses between tries for a better path while a relay carries the bridge. */
  private readonly upgrades: BackOff;
  private readonly offers: TokenBucket;
  private readonly refusals: News;
  private bridge: Bridge | undefined;
  /** The last bridge is down because its path was lost: what has gone over it since the last try is reason enough for the next. */
  private lost = false;
  /** All that are up: the one above, and older ones on their way out. */
  private readonly bridges = new Set<Bridge>();
  /** Attempts of the peer's that run at this end. */
  private readonly following = new Set<Promise<void>>();
  /** Calls a rest off, while there is one. */
  private resting: AbortController | undefined;
  /** What a rest is for has come before it began. */
  private stirred = false;
  private exhausted = false;
  private readonly life: Promise<void>;

  constructor(
    readonly ref: PeerRef,
    /** When its session was first seen, on the agent's clock. */
    readonly seenAt: number,
    private readonly services: PeerServices,
  ) {
    this.backOff = new BackOff({ firstMs: firstPauseMs, longestMs: longestPauseMs, random: services.random });
    this.upgrades = new BackOff({ firstMs: firstUpgradeMs, longestMs: longestUpgradeMs, random: services.random });
    this.offers = new TokenBucket(services.clock, offerRate);
    this.refusals = new News(services.clock);
    this.life = this.live(this.living.signal);
  }

  /** Neither bridged nor about to be. */
  get idle(): boolean {
    return this.bridges.size === 0 && this.following.size === 0 && this.state !== 'climbing';
  }

  get bridged(): boolean {
    return this.bridge !== undefined;
  }

  /** A link with this peer has come up, whoever dialled, or is of use again. */
  linkUp(): void {
    this.backOff.reset();
    this.stir();
  }

  /** This machine has other addresses now: what failed may work, and what waits need not. */
  networkChanged(): void {
    this.backOff.reset();
    this.upgrades.reset();
    this.stir();
  }

  /** Rests because every strategy has failed: what has been learnt of since may help. */
  get isAtAnEnd(): boolean {
    return this.exhausted && this.state === 'resting';
  }

  /** Gives everything back and tells the peer. */
  async end(reason: RatatoskrError): Promise<void> {
    this.state = 'ended';
    this.living.abort(reason);
    await Promise.all([...this.bridges].map((bridge) => bridge.close(reason)));
    const link = this.services.signalling.linkWith(this.ref.key);
    if (reason.code === 'SESSION_ENDED') link?.abandon();
    else link?.bye(reason.message.slice(0, 200));
    await this.life;
  }

  private async live(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let pauseMs: number;
      this.exhausted = false;
      try {
        this.state = 'meeting';
        this.stirred = false;
        const link = await this.meet(signal);
        // A link that comes while we meet is the one we get, or cuts the rest after a dial in vain short.
        this.stirred = false;
        this.state = 'waiting';
        if (link.identity.role === 'controlling') await this.control(link, signal);
        else await this.serve(link, signal);
        pauseMs = this.backOff.next();
      } catch (error) {
        if (signal.aborted) break;
        pauseMs = this.backOff.next();
        this.exhausted = error instanceof LadderExhausted;
        this.tell(error, pauseMs);
      }
      if (!this.lost) this.services.tried(this);
      this.lost = false;
      this.state = 'resting';
      await this.rest(pauseMs, signal);
    }
    this.state = 'ended';
  }

  private async meet(signal: AbortSignal): Promise<SignallingLink> {
    const { signalling } = this.services;
    const existing = signalling.linkWith(this.ref.key);
    if (existing) return existing;
    await this.services.wanted(this, signal);
    // What ended the waiting may be the peer's own dial.
    const met = signalling.linkWith(this.ref.key);
    if (met) return met;
    this.services.creditOwn(this, dialCost);
    try {
      return await signalling.dial(this.ref, signal);
    } catch (error) {
      if (!signal.aborted) this.services.creditOwn(this, refusedCost);
      throw error;
    }
  }

  /** Controlling end: one climb, and the bridge that comes of it until it is down, with better ones in between. */
  private async control(link: SignallingLink, signal: AbortSignal): Promise<void> {
    const { services, ref } = this;
    link.onRevived = () => this.linkUp();
    await services.wanted(this, AbortSignal.any([signal, link.signal]));
    const refusal = services.refusal(this);
    if (refusal) throw refusal;
    this.state = 'climbing';
    await this.climb(link, signal, { first: services.memory.strategyFor(ref.key) });
    while (this.bridge) {
      signal.throwIfAborted();
      const { bridge } = this;
      const { path, strategy } = bridge.found;
      const upgradable = path.info.kind === 'relayed' && !link.signal.aborted && services.ladder.canBetter(link, strategy);
      if (!upgradable) await bridge.closed;
      else if (await this.bridgeHolds(bridge, this.upgrades.next(), signal)) {
        const rttMs = bridge.pump.delays?.rttMs ?? bridge.found.rttMs;
        await this.climb(link, signal, { better: { strategy, kind: path.info.kind, rttMs } }).catch((error: unknown) =>
          this.tell(error),
        );
      }
    }
    this.upgrades.reset();
  }

  /** Takes each path that the ladder finds. @throws when it finds none, or none can be handed to the router and there is no bridge */
  private async climb(link: SignallingLink, signal: AbortSignal, options: ClimbOptions): Promise<void> {
    for await (const found of this.services.ladder.climb(link, signal, options)) {
      try {
        await this.adopt(found, signal);
        this.services.memory.remember(this.ref.key, found.strategy);
      } catch (error) {
        if (!this.bridge) throw error;
      }
    }
  }

  /** Waits for a time to try for a better path, or less when something calls. @returns whether the bridge is still up then */
  private async bridgeHolds(bridge: Bridge, pauseMs: number, signal: AbortSignal): Promise<boolean> {
    this.stirred = false;
    await Promise.race([bridge.closed, this.rest(pauseMs, signal)]);
    return this.bridge === bridge;
  }

  /** Controlled end: takes what the peer offers until the link is gone, and holds on to a bridge that outlives it. */
  private async serve(link: SignallingLink, signal: AbortSignal): Promise<void> {
    link.serve((offer) => {
      const run = this.follow(link, offer, signal).catch((error: unknown) => {
        if (!isCalledOff(error)) this.tell(error);
      });
      this.following.add(run);
      void run.then(() => this.following.delete(run));
    });
    await aborted(signal, link.signal);
    await Promise.all(this.following);
    signal.throwIfAborted();
    throw link.signal.reason;
  }

  private async follow(link: SignallingLink, offer: AttemptOffer, signal: AbortSignal): Promise<void> {
    const refusal = this.refusal();
    if (!refusal) return await this.adopt(await this.services.ladder.follow(link, offer, signal), signal);
    const { id: attempt, strategy } = offer;
    offer.refuse(refusal.code, refusal.message);
    if (!this.refusals.isNew(refusal.code)) return;
    this.services.events.publish('attempt.refused', { peer: this.ref, attempt, strategy, ...describeError(refusal) });
  }

  private refusal(): StrategyError | undefined {
    if (this.offers.take()) return this.services.refusal(this);
    return new StrategyError('PEER_BUSY', 'The peer offers attempts faster than they can be of use.');
  }

  /**
   * Makes the new bridge before it breaks the old one. The router prefers the new one at once; the old one stays for a while, for what
   * is under way on it.
   */
  private async adopt(found: ProvenPath, signal: AbortSignal): Promise<void> {
    const { clock, bridges, signalling } = this.services;
    const older = this.bridge;
    const priority = older ? Math.max(0, older.priority - 1) : firstPriority;
    const bridge = await bridges.open(found, { seenAt: this.seenAt, priority, signal });
    this.bridge = bridge;
    this.bridges.add(bridge);
    this.state = 'bridged';
    const upSince = clock.now();
    void bridge.closed.then(({ code }) => {
      this.bridges.delete(bridge);
      if (this.bridge === bridge) {
        this.bridge = undefined;
        this.lost = lossOfPath.has(code);
      }
      if (clock.now() - upSince > provenBridgeMs) this.backOff.reset();
    });
    const link = signalling.linkWith(this.ref.key);
    const leave = () => {
      const reason = link?.signal.reason as Error;
      if (reason instanceof SignallingError && reason.code === 'PEER_LEFT') void bridge.close(reason);
    };
    link?.signal.addEventListener('abort', leave);
    // One link may see many bridges.
    void bridge.closed.then(() => link?.signal.removeEventListener('abort', leave));
    if (older) void this.retire(older, signal);
    if (signal.aborted) await bridge.close(signal.reason as RatatoskrError);
  }

  private async retire(older: Bridge, signal: AbortSignal): Promise<void> {
    await sleep(this.services.clock, overlapMs, signal).catch(() => {});
    await older.close(new BridgeError('PATH_SUPERSEDED', 'A better path took its place.'));
  }

  private async rest(pauseMs: number, signal: AbortSignal): Promise<void> {
    // One that a bridge's end has cut short is still there.
    this.resting?.abort();
    if (this.stirred) return;
    const resting = new AbortController();
    this.resting = resting;
    await sleep(this.services.clock, pauseMs, AbortSignal.any([signal, resting.signal])).catch(() => {});
    if (this.resting === resting) this.resting = undefined;
  }

  private stir(): void {
    this.stirred = true;
    this.resting?.abort();
  }

  private tell(error: unknown, retryInMs = 0): void {
    const { events } = this.services;
    if (error instanceof LadderExhausted) {
      const failures = error.failures.map(({ strategy, error: cause }) => ({ strategy, ...describeError(cause) }));
      events.publish('ladder.exhausted', { peer: this.ref, failures, retryInMs });
    } else if (error instanceof SignallingError) {
      events.publish('signalling.failed', { ...describeError(error), remote: this.ref.address, retryInMs });
    } else if (error instanceof StrategyError || error instanceof BridgeError) {
      events.publish('peer.resting', { peer: this.ref, ...describeError(error), retryInMs });
    } else {
      events.publish('log', { level: 'error', name: 'peer.failed', fields: { peer: this.ref, ...describeError(error) } });
    }
  }
}

/** The peer has withdrawn its offer, or a better path took its place: nothing is amiss at this end. */
function isCalledOff(error: unknown): boolean {
  return error instanceof StrategyError && (error.code === 'PEER_ENDED' || error.code === 'PATH_SUPERSEDED');
}
