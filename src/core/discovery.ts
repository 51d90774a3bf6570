import { inject, injectable } from 'tsyringe';
import { BackOff } from './back-off.js';
import { type Clock, sleep } from './clock.js';
import { permits } from './config/permits.js';
import type { DiscoverySource, FoundPeer, MeetingPurpose } from './discovery-source.js';
import { AgentError, describeError, SignallingError } from './errors.js';
import type { EventSource, PeerRef } from './events.js';
import { News } from './news.js';
import { addressOf } from './overlay-address.js';
import type { Random } from './random.js';
import type { RouterSelf } from './router.js';
import { TokenBucket } from './token-bucket.js';
import { type Settings, tokens } from './tokens.js';

/** Pauses before a source that failed runs again, in milliseconds: from this to that. */
const firstPauseMs = 1000;
const longestPauseMs = 10 * 60_000;
/** A peer that did not answer is not asked again for so long, however often it is told of; milliseconds. */
const unansweredMs = 10 * 60_000;
/** Peers that have never answered may be asked this many at once, and this many a second after that: sources may be lied to. */
const askRate = { burst: 16, perSecond: 1 };

/** What one source has said of one peer. */
interface Find {
  readonly peer: PeerRef;
  readonly source: string;
  /** Has it been published? */
  isTold: boolean;
  expiresAt: number;
  readonly keepTrying: boolean;
  purpose: MeetingPurpose;
  /** Taken away when it is called. */
  asked: FoundPeer['asked'];
}

/** Runs the discovery sources, and keeps what they find for as long as it is worth anything. */
@injectable()
export class Discovery {
  /** Is a session a reason for a bridge? */
  readonly watchesSessions: boolean;

  /** By source in the config's order, then by key. */
  private readonly finds: ReadonlyMap<string, Map<string, Find>>;
  /** Peers among the finds that have been met. */
  private readonly met = new Set<string>();
  /** Peers that did not answer, and until when that is held against them. */
  private readonly unanswered = new Map<string, number>();
  private readonly asks: TokenBucket;
  private readonly news: News;
  private self: PeerRef | undefined;
  private running = new AbortController();
  private life: Promise<unknown> = Promise.resolve();

  constructor(
    @inject(tokens.discovery) private readonly sources: readonly DiscoverySource[],
    @inject(tokens.clock) private readonly clock: Clock,
    @inject(tokens.random) private readonly random: Random,
    @inject(tokens.events) private readonly events: EventSource,
    @inject(tokens.settings) private readonly settings: Settings,
  ) {
    this.watchesSessions = sources.some(({ name }) => name === sessionsSource);
    this.finds = new Map([operator, ...sources.map(({ name }) => name), peeringsSource].map((name) => [name, new Map()]));
    this.asks = new TokenBucket(clock, askRate);
    this.news = new News(clock);
  }

  /** The router is there: look for peers until `stop`. */
  start({ key, address }: RouterSelf): void {
    const self = { key, address };
    this.self = self;
    this.running = new AbortController();
    const { signal } = this.running;
    this.life = Promise.all(this.sources.map((source) => this.keepRunning(source, self, signal)));
  }

  /** Resolves when every source has given back what it has. What was found is forgotten. */
  async stop(reason: Error): Promise<void> {
    this.running.abort(reason);
    await this.life;
    for (const [source, finds] of this.finds) if (source !== operator) for (const find of finds.values()) this.forget(find);
    this.unanswered.clear();
  }

  /** The operator wants this peer met until {@link unname}, whatever its session carries. @throws SignallingError, AgentError when it may not be */
  name(peer: PeerRef): void {
    const finds = this.finds.get(operator);
    if (!permits(this.settings.current, peer))
      throw new SignallingError('SIGNALLING_NOT_ALLOWED', `${peer.address} is not permitted by allow and deny.`);
    if (!finds || finds.has(peer.key)) return;
    if (finds.size >= this.settings.current.signalling.maxPeers)
      throw new AgentError('CONTROL_REFUSED', `${finds.size} peers are named already, as many as signalling.maxPeers.`);
    const forGood = { expiresAt: Number.POSITIVE_INFINITY, keepTrying: true, purpose: 'path', asked: undefined } as const;
    finds.set(peer.key, this.tell({ peer, source: operator, isTold: false, ...forGood }));
  }

  /** Undoes {@link name}. */
  unname(peer: PeerRef): void {
    const find = this.finds.get(operator)?.get(peer.key);
    if (find) this.forget(find);
  }

  isNamed(key: string): boolean {
    return this.isFoundBy(operator, key);
  }

  /** Keeps what a source has found, if it may be met and there is room. */
  find(source: string, found: FoundPeer): void {
    const finds = this.finds.get(source);
    if (!finds) return;
    const { key, expiresInMs, keepTrying = false, purpose = 'path', toldBy, asked } = found;
    const peer = { key, address: addressOf(key) };
    if (key === this.self?.key || !permits(this.settings.current, peer)) return;
    const known = finds.get(key);
    const expiresAt = this.clock.now() + expiresInMs;
    if (known) {
      known.expiresAt = Math.max(known.expiresAt, expiresAt);
      if (purpose === 'path') known.purpose = purpose;
      return;
    }
    if (finds.size >= this.settings.current.signalling.maxPeers) {
      if (this.news.isNew(source)) this.events.publish('log', { level: 'warn', name: 'discovery.full', fields: { source } });
      return;
    }
    const find = { peer, source, isTold: false, expiresAt, keepTrying, purpose, asked };
    // Beside most routers runs no agent, and nobody expects one: such a find is none before it answers.
    finds.set(key, source === peeringsSource ? find : this.tell(find, toldBy));
  }

  private tell(find: Find, toldBy?: string): Find {
    const { peer, source } = find;
    const teller = toldBy === undefined ? {} : { toldBy: { key: toldBy, address: addressOf(toldBy) } };
    this.events.publish('peer.found', { peer, source, ...teller });
    return Object.assign(find, { isTold: true });
  }

  isFoundBy(source: string, key: string): boolean {
    return this.finds.get(source)?.has(key) ?? false;
  }

  /** Peers to meet, and to go on meeting; the operator's first. Forgets what has expired. */
  wanted(): PeerRef[] {
    const now = this.clock.now();
    for (const finds of this.finds.values()) {
      for (const find of finds.values()) if (find.expiresAt <= now) this.forget(find);
    }
    for (const [key, until] of this.unanswered) if (until <= now) this.unanswered.delete(key);
    const finds = [...this.finds.values()].flatMap((found) => [...found.values()]);
    finds.sort((a, b) => Number(b.keepTrying) - Number(a.keepTrying));
    const wanted = new Map(finds.filter(({ peer }) => this.wants(peer.key)).map(({ peer }) => [peer.key, peer]));
    return [...wanted.values()];
  }

  /** Is this peer worth meeting, whatever its session carries? */
  wants(key: string): boolean {
    return this.purposeOf(key) !== undefined;
  }

  /** What this peer is wanted for, whatever its session carries. */
  purposeOf(key: string): MeetingPurpose | undefined {
    // Asked for every session at every poll: what is mostly empty comes first.
    let purpose: MeetingPurpose | undefined;
    for (const finds of this.finds.values()) {
      const found = finds.size > 0 ? finds.get(key) : undefined;
      if (found && purpose !== 'path') purpose = found.purpose;
    }
    return purpose && this.unanswered.has(key) && !this.keepsTrying(key) ? undefined : purpose;
  }

  /** The peer worth meeting that has this overlay address. */
  wantedAt(address: string): PeerRef | undefined {
    return this.wanted().find((peer) => peer.address === address);
  }

  /** May the peer be dialled for what was found? Of those that never answered only a few are, and that is counted. */
  mayAsk(key: string): boolean {
    return this.keepsTrying(key) || this.met.has(key) || this.asks.take();
  }

  /** The peer's agent has shown that it has the key. */
  confirm(key: string): void {
    this.unanswered.delete(key);
    if (this.isFound(key)) this.met.add(key);
    this.answer(key, true);
  }

  /** The peer's agent is there, whether it has room for this one or not: what was told of it is true. */
  greeted(key: string): void {
    this.answer(key, true);
  }

  /** A try with this peer has ended. What nobody has confirmed is dropped: a false record costs one question. */
  tried(key: string): void {
    if (!this.isFound(key) || this.met.has(key)) return;
    this.unanswered.set(key, this.clock.now() + unansweredMs);
    this.answer(key, false);
  }

  private answer(key: string, answered: boolean): void {
    for (const find of this.findsOf(key)) {
      if (answered && !find.isTold) this.tell(find);
      const { asked } = find;
      find.asked = undefined;
      asked?.(answered);
    }
  }

  /** Called for every session at every poll. */
  private findsOf(key: string): Find[] {
    const found: Find[] = [];
    for (const finds of this.finds.values()) {
      const find = finds.get(key);
      if (find) found.push(find);
    }
    return found;
  }

  private isFound(key: string): boolean {
    return this.findsOf(key).length > 0;
  }

  private keepsTrying(key: string): boolean {
    return this.findsOf(key).some(({ keepTrying }) => keepTrying);
  }

  private forget({ peer, source, isTold }: Find): void {
    this.finds.get(source)?.delete(peer.key);
    if (!this.isFound(peer.key)) this.met.delete(peer.key);
    if (isTold) this.events.publish('peer.forgotten', { peer, source });
  }

  private async keepRunning(source: DiscoverySource, self: PeerRef, signal: AbortSignal): Promise<void> {
    const backOff = new BackOff({ firstMs: firstPauseMs, longestMs: longestPauseMs, random: this.random });
    while (!signal.aborted) {
      try {
        await source.run({ self, signal, found: (peer) => !signal.aborted && this.find(source.name, peer) });
        return;
      } catch (error) {
        if (signal.aborted) return;
        const retryInMs = backOff.next();
        this.events.publish('discovery.failed', { source: source.name, ...describeError(explained(error)), retryInMs });
        await sleep(this.clock, retryInMs, signal).catch(() => {});
      }
    }
  }
}

/** Errors of ours have a next step; others are told with that of any source that fails. */
function explained(error: unknown): unknown {
  const { message, help } = describeError(error);
  return help === undefined ? new AgentError('DISCOVERY_FAILED', message, { cause: error }) : error;
}

/** What the operator is called among the sources, for the peers that were named at the control socket. */
const operator = 'operator';

/** What agents beside the routers that this one is peered with are found by; see {@link findAdjacentAgents}. */
export const peeringsSource = 'peerings';

/** The source that {@link Discovery.watchesSessions} stands for. */
export const sessionsSource = 'sessions';
