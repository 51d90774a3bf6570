import { inject, injectable } from 'tsyringe';
import type { ProvenPath } from './attempt.js';
import { type Clock, sleep } from './clock.js';
import { BridgeError, describeError, type RatatoskrError } from './errors.js';
import type { EventSource } from './events.js';
import type { Net } from './net.js';
import type { Pump, PumpReadings, Pumps } from './pump.js';
import type { Router, RouterPeer } from './router.js';
import { type RouterEnd, routerEndBeside, routerEndOfStream } from './router-end.js';
import { type Settings, tokens } from './tokens.js';

/** How long the two routers may take to agree on a link, in milliseconds: their own limit is 6 s. */
const linkDeadlineMs = 8000;
/** Pause between looks at the router's peers, in milliseconds. */
const lookMs = 50;

/** A path that the router uses as a peering. */
export interface Bridge {
  readonly found: ProvenPath;
  /** Of two links to one peer the router prefers that with the lower number, 0 to 255. */
  readonly priority: number;
  /** What has gone over it, and how long it takes. */
  readonly pump: PumpReadings;
  /** Resolves when the bridge is down, and everything of it gone, with the reason. */
  readonly closed: Promise<RatatoskrError>;
  /** Takes the bridge down. Idempotent. */
  close(reason: RatatoskrError): Promise<void>;
}

export interface OpenOptions {
  /** When the session was first seen, on the agent's clock. */
  readonly seenAt: number;
  /** As {@link Bridge.priority}. */
  readonly priority: number;
  readonly signal: AbortSignal;
}

/** Hands paths to the router. */
@injectable()
export class Bridges {
  /** Identities of the peerings that are ours: their URIs less the query. */
  private readonly identities = new Set<string>();
  /** Those that are up, by attempt. */
  private readonly up = new Map<string, Bridge>();
  /** A look at the router's peers that is under way. */
  private looking: Promise<readonly RouterPeer[]> | undefined;

  constructor(
    @inject(tokens.net) private readonly net: Net,
    @inject(tokens.clock) private readonly clock: Clock,
    @inject(tokens.router) private readonly router: Router,
    @inject(tokens.pumps) private readonly pumps: Pumps,
    @inject(tokens.events) private readonly events: EventSource,
    @inject(tokens.settings) private readonly settings: Settings,
    @inject(tokens.runtimeDir) private readonly runtimeDir: string,
  ) {}

  /** Those that are up, the oldest first. */
  get all(): readonly Bridge[] {
    return [...this.up.values()];
  }

  /** Is this peering, by its URI in getPeers, one of our bridges? */
  owns(uri: string): boolean {
    return this.identities.has(uri);
  }

  /** What has gone over a bridge and how long it takes; undefined for one that is not up. @param attempt that it came of */
  traffic(attempt: string): PumpReadings | undefined {
    return this.up.get(attempt)?.pump;
  }

  /**
   * Turns a proven path into a bridge.
   * @throws BridgeError or StrategyError; the path is closed and the peering removed then
   */
  async open(found: ProvenPath, { seenAt, priority, signal }: OpenOptions): Promise<Bridge> {
    const { peer, attempt, strategy, path } = found;
    const failed = new AbortController();
    // The other end's router may be quicker than we are.
    if (path.peering) this.identities.add(path.peering.uri);
    const endOpening = this.openEnd(found, priority, AbortSignal.any([signal, failed.signal]));
    try {
      const [end] = await Promise.all([endOpening, found.start(signal)]);
      this.identities.add(end.identity);
      const pump = end.carry(found);
      await this.awaitLink(end, peer.key, pump, signal);
      const bridge = new OpenBridge(found, priority, end, pump, this.clock, this.events);
      this.up.set(attempt, bridge);
      const { kind, local, remote, congestion, carrier, relay } = path.info;
      const { rttMs, overlayRttMs, hidden } = found;
      const sinceSessionMs = this.clock.now() - seenAt;
      const extras = { ...(congestion ? { congestion } : {}), ...(carrier ? { carrier } : {}), ...(relay ? { relay } : {}) };
      const facts = { kind, local, remote, hidden, rttMs, overlayRttMs, sinceSessionMs, ...extras };
      this.events.publish('bridge.up', { peer, attempt, strategy, ...facts });
      void bridge.closed.then(() => {
        this.up.delete(attempt);
        this.identities.delete(end.identity);
      });
      return bridge;
    } catch (error) {
      const failure = describeError(error);
      found.drop(failure.code, failure.message);
      if (!signal.aborted) this.events.publish('bridge.failed', { peer, attempt, strategy, ...failure });
      failed.abort(error);
      await endOpening.then(
        async (end) => {
          end.destroy();
          await end.remove();
          this.identities.delete(end.identity);
        },
        () => {},
      );
      if (path.peering) this.identities.delete(path.peering.uri);
      throw error;
    }
  }

  private openEnd({ path, peer, attempt, secret }: ProvenPath, priority: number, signal: AbortSignal): Promise<RouterEnd> {
    const { router } = this;
    if (path.peering) return routerEndBeside(path.peering, { router, peerKey: peer.key, priority, signal });
    return routerEndOfStream({
      net: this.net,
      clock: this.clock,
      pumps: this.pumps,
      router,
      runtimeDir: this.runtimeDir,
      kind: this.settings.current.bridge.socket,
      id: attempt,
      peerKey: peer.key,
      secret,
      priority,
      signal,
    });
  }

  /** Waits until the router shows the peering up with the peer's key: before that, `up` alone means nothing. */
  private async awaitLink({ identity, inbound }: RouterEnd, key: string, pump: Pump, signal: AbortSignal): Promise<void> {
    const deadline = this.clock.now() + linkDeadlineMs;
    const failed = (why: string) => new BridgeError('ROUTER_LINK_FAILED', `The routers did not agree on a link: ${why}.`);
    let ended: Error | undefined;
    void pump.ended.then((reason) => {
      ended = reason;
    });
    for (;;) {
      const peers = await this.look();
      signal.throwIfAborted();
      const link = peers.find((peer) => peer.inbound === inbound && peer.uri === identity);
      if (link?.up && link.key === key) return;
      if (ended) throw failed(link?.lastError ?? ended.message);
      if (this.clock.now() > deadline) throw failed(link?.lastError ?? `nothing within ${linkDeadlineMs / 1000} s`);
      await sleep(this.clock, lookMs, signal);
    }
  }

  /** One look serves all who wait for a link: the list is long where there are many. */
  private look(): Promise<readonly RouterPeer[]> {
    this.looking ??= this.router.peers().finally(() => {
      this.looking = undefined;
    });
    return this.looking;
  }
}

class OpenBridge implements Bridge {
  readonly closed: Promise<RatatoskrError>;
  private closing: Promise<void> | undefined;
  private finished: (reason: RatatoskrError) => void = () => {};
  private readonly upSince: number;

  constructor(
    readonly found: ProvenPath,
    readonly priority: number,
    private readonly end: RouterEnd,
    readonly pump: Pump,
    private readonly clock: Clock,
    private readonly events: EventSource,
  ) {
    this.upSince = clock.now();
    this.closed = new Promise((resolve) => {
      this.finished = resolve;
    });
    void pump.ended.then((reason) => this.close(reason));
  }

  close(reason: RatatoskrError): Promise<void> {
    this.closing ??= this.takeDown(reason);
    return this.closing;
  }

  private async takeDown(reason: RatatoskrError): Promise<void> {
    const { found, end, pump } = this;
    const { peer, attempt, strategy } = found;
    // The peering goes first: a router that loses only the stream would dial again.
    const removed = end.remove();
    await pump.end(reason);
    found.drop(reason.code, reason.message);
    await removed;
    const ageMs = this.clock.now() - this.upSince;
    this.events.publish('bridge.down', { peer, attempt, strategy, ...describeError(reason), ageMs, ...pump.counters });
    this.finished(reason);
  }
}
