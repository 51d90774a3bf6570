import { inject, injectable } from 'tsyringe';
import { prefersDirectLinks } from '../admin/router-version.js';
import type { Clock } from '../clock.js';
import { sleep } from '../clock.js';
import { permits } from '../config/permits.js';
import { withDeadline } from '../deadline.js';
import type { MeetingPurpose } from '../discovery-source.js';
import { describeError, SignallingError, StrategyError } from '../errors.js';
import type { EventSource, PeerRef } from '../events.js';
import type { GossipLinks } from '../gossip-links.js';
import type { ByteStream, Listener, Net } from '../net.js';
import { News } from '../news.js';
import { isOverlayAddress } from '../overlay-address.js';
import type { KnownServices, OfferedServices } from '../peer-services.js';
import type { Random } from '../random.js';
import { RateLimit } from '../rate-limit.js';
import type { RelayTickets } from '../relay-tickets.js';
import type { RouterSelf } from '../router.js';
import type { Strategy } from '../strategy.js';
import { type Settings, tokens } from '../tokens.js';
import { greet } from './greeting.js';
import type { SignallingLink } from './link.js';
import { MessageStream } from './message-stream.js';
import { feature } from './messages.js';

/** How long a dial over the overlay may take, in milliseconds: a route may have to be found first. */
const dialTimeoutMs = 10_000;
/**
 * Pause between retransmissions at most, in milliseconds. The overlay is away for seconds when a router finds itself a new way, and an
 * offer that waits for the next of ever longer pauses keeps a bridge away for as long again.
 */
const maxRetransmitMs = 1000;
/** What was sent and got no answer for so long ends the connection, in milliseconds. */
const unansweredMs = 60_000;
/** Connections one address may have that have not said hello. */
const greetingsPerAddress = 2;
/** Pause between tries to listen while the overlay address is missing, in milliseconds. */
const listenRetryMs = 500;
/** Connections one node may open at once, and how many a second after that. An agent that redials rests between its tries. */
const knocks = { burst: 30, perSecond: 0.5, sources: 4096 };

/** Meets the agents of peers over the overlay: listens on and dials from one port, and keeps one link a peer. */
@injectable()
export class Signalling {
  /** Called for every link that has come up, whoever dialled. */
  onLink: ((link: SignallingLink) => void) | undefined;
  /** Asked when there are as many links as there may be: gives one up, or says no. */
  makeRoom: (() => boolean) | undefined;
  /** Asked what a peer is wanted for whatever its session carries, by its overlay address. */
  purposeOf: ((address: string) => MeetingPurpose | undefined) | undefined;

  private self: RouterSelf | undefined;
  private listener: Listener | undefined;
  private readonly links = new Map<string, SignallingLink>();
  private readonly greetings = new Map<string, number>();
  private readonly knocks: RateLimit;
  private readonly news: News;
  private readonly waiting = new Set<{ readonly key: string; resolve(link: SignallingLink): void }>();
  private running = new AbortController();

  constructor(
    @inject(tokens.net) private readonly net: Net,
    @inject(tokens.clock) private readonly clock: Clock,
    @inject(tokens.random) private readonly random: Random,
    @inject(tokens.events) private readonly events: EventSource,
    @inject(tokens.settings) private readonly settings: Settings,
    @inject(tokens.strategies) private readonly strategies: readonly Strategy[],
    @inject(tokens.offeredServices) private readonly offered: OfferedServices,
    @inject(tokens.knownServices) private readonly known: KnownServices,
    @inject(tokens.relayTickets) private readonly relayTickets: RelayTickets,
    @inject(tokens.gossip) private readonly gossip: GossipLinks,
    @inject(tokens.agentVersion) private readonly agentVersion: string,
  ) {
    this.knocks = new RateLimit({ clock, ...knocks });
    this.news = new News(clock);
    relayTickets.ask = (peer, signal) => this.askRelay(peer, signal);
    known.tellReached = (peer, place) => this.links.get(peer.key)?.services.tellReached(place);
    offered.onChange = (services) => {
      for (const link of this.links.values()) link.services.tell(services);
    };
  }

  /** Listens on the router's overlay address, waiting for the address to appear. Ends with `close`. */
  async open(self: RouterSelf): Promise<void> {
    this.self = self;
    this.running = new AbortController();
    const { signal } = this.running;
    const { port } = this.settings.current.signalling;
    let complained: string | undefined;
    while (!signal.aborted) {
      try {
        const listener = await this.net.listenTcp({
          local: { address: self.address, port },
          sharePort: this.net.capabilities.sharedPort,
          onStream: (stream) => void this.welcome(stream),
        });
        if (signal.aborted) return listener.close();
        this.listener = listener;
        this.events.publish('signalling.listening', { address: self.address, port });
        return undefined;
      } catch (error) {
        const failure = this.explainListenFailure(error, self.address, port);
        if (complained !== failure.code) {
          complained = failure.code;
          this.events.publish('signalling.failed', { ...describeError(failure), remote: self.address, retryInMs: listenRetryMs });
        }
        await sleep(this.clock, listenRetryMs, signal).catch(() => {});
      }
    }
    return undefined;
  }

  /** Ends every link with `bye` and stops listening. */
  async close(reason: string): Promise<void> {
    this.running.abort(new SignallingError('SIGNALLING_CLOSED', `This end is leaving: ${reason}.`));
    for (const link of [...this.links.values()]) link.bye(reason);
    await this.listener?.close();
    this.listener = undefined;
  }

  /** The link with a peer, if there is one. */
  linkWith(key: string): SignallingLink | undefined {
    return this.links.get(key);
  }

  /** Dials a peer's agent. Where the peer's own dial was faster, that is the link. @throws SignallingError */
  async dial(peer: PeerRef, signal: AbortSignal): Promise<SignallingLink> {
    const { self } = this;
    if (!self) throw new SignallingError('SIGNALLING_CLOSED', 'Signalling is not open.');
    const { port } = this.settings.current.signalling;
    const sharePort = this.net.capabilities.sharedPort;
    let stream: ByteStream;
    try {
      stream = await this.net.connectTcp({
        remote: { address: peer.address, port },
        local: { address: self.address, ...(sharePort ? { port } : {}) },
        sharePort,
        timeoutMs: dialTimeoutMs,
        signal: AbortSignal.any([signal, this.running.signal]),
      });
    } catch (error) {
      signal.throwIfAborted();
      const { code, message } = describeError(error);
      // The peer's own dial took the one pair of addresses that both ends share: its greeting is under way.
      if (code === 'EADDRNOTAVAIL' || code === 'EADDRINUSE') return await this.awaitLink(peer, signal);
      throw unreachable(peer.address, port, code, message, error);
    }
    return await this.greet(stream, peer.address, true, (key) => {
      if (key !== peer.key) throw new SignallingError('SIGNALLING_IDENTITY', `${peer.address} answers with another key.`);
    });
  }

  private async awaitLink(peer: PeerRef, signal: AbortSignal): Promise<SignallingLink> {
    let forget = () => {};
    const link = new Promise<SignallingLink>((resolve) => {
      const existing = this.links.get(peer.key);
      if (existing) resolve(existing);
      const waiting = { key: peer.key, resolve };
      this.waiting.add(waiting);
      forget = () => this.waiting.delete(waiting);
    });
    return await withDeadline(link, {
      clock: this.clock,
      timeoutMs: dialTimeoutMs,
      signal: AbortSignal.any([signal, this.running.signal]),
      expired: () => new SignallingError('SIGNALLING_TIMEOUT', `${peer.address} dialled and then said nothing.`),
    }).finally(forget);
  }

  /** A stream that was accepted: the caps come before a single byte is read. */
  private async welcome(stream: ByteStream): Promise<void> {
    const remote = stream.remoteAddress ?? '';
    const refuse = (error: SignallingError, subject = remote) => {
      stream.destroy();
      this.report(remote, error, subject);
    };
    if (!isNodeAddress(remote)) {
      // Anyone may have 2^64 addresses in a routed subnet: they share one line in the log.
      return refuse(new SignallingError('SIGNALLING_NOT_ALLOWED', `${remote} is not the address of a node.`), 'no node');
    }
    if (!this.knocks.take(remote)) {
      return refuse(new SignallingError('SIGNALLING_TOO_MANY', `${remote} connects over and over.`));
    }
    if (!permits(this.settings.current, { address: remote })) {
      // It is told why, and nothing of who is here.
      const refusal = notAllowed(remote);
      const parting = new MessageStream(stream, this.clock, { onMessage() {}, onClose() {} });
      parting.send({ type: 'bye', reason: refusal.message });
      parting.close();
      return this.report(remote, refusal);
    }
    const held = [...this.greetings.values()].reduce((sum, count) => sum + count, this.links.size);
    if ((this.greetings.get(remote) ?? 0) >= greetingsPerAddress || held >= this.settings.current.signalling.maxConnections) {
      return refuse(
        new SignallingError('SIGNALLING_TOO_MANY', `${remote} opened more signalling connections than may wait for a hello.`),
      );
    }
    try {
      await this.greet(stream, remote, false, () => {});
    } catch (error) {
      this.report(remote, error);
    }
    return undefined;
  }

  private async greet(
    stream: ByteStream,
    remote: string,
    dialled: boolean,
    admit: (key: string) => void,
  ): Promise<SignallingLink> {
    const { self } = this;
    if (!self) {
      stream.destroy();
      throw new SignallingError('SIGNALLING_CLOSED', 'Signalling is not open.');
    }
    this.net.tune(stream, { userTimeoutMs: unansweredMs, maxRetransmitMs });
    this.greetings.set(remote, (this.greetings.get(remote) ?? 0) + 1);
    try {
      const link = await greet(stream, {
        hello: {
          agent: this.agentVersion,
          key: self.key,
          router: self.version,
          strategies: this.strategies.map((strategy) => strategy.name),
          features: this.features(self, remote),
        },
        remote,
        dialled,
        clock: this.clock,
        random: this.random,
        signal: this.running.signal,
        admit: (key) => {
          admit(key);
          if (!permits(this.settings.current, { key, address: remote })) throw notAllowed(remote);
          const full = this.links.size >= this.settings.current.signalling.maxPeers;
          if (full && !this.links.has(key) && !this.makeRoom?.()) {
            throw new SignallingError('SIGNALLING_TOO_MANY', `There are ${this.links.size} peers already.`);
          }
        },
      });
      // A peer that has no room says hello and bye in one breath.
      link.signal.throwIfAborted();
      const kept = this.take(link);
      await kept.measure().catch((error: unknown) => {
        kept.bye('no answer to pings');
        throw error;
      });
      if (kept === link) this.announce(link);
      return kept;
    } finally {
      const left = (this.greetings.get(remote) ?? 1) - 1;
      if (left > 0) this.greetings.set(remote, left);
      else this.greetings.delete(remote);
    }
  }

  private features({ version }: RouterSelf, remote: string): string[] {
    const hidden = this.settings.current.bridge.hidden && prefersDirectLinks(version);
    const purpose = this.purposeOf?.(remote);
    return [
      ...(hidden ? [feature.hiddenBridges] : []),
      ...(purpose === 'path' ? [feature.hold] : []),
      ...(purpose === 'services' ? [feature.visit] : []),
      ...(this.gossip.listens ? [feature.gossip] : []),
    ];
  }

  /**
   * Keeps one link a peer. Where ports cannot be shared both ends' dials may succeed: both then keep the one that the
   * controlling end dialled. A newer link of the same direction means that the peer lost the older one.
   * @returns the one that is kept
   */
  private take(link: SignallingLink): SignallingLink {
    const { peer, role, dialled } = link.identity;
    const older = this.links.get(peer.key);
    if (older && older.identity.dialled !== dialled && dialled !== (role === 'controlling')) {
      link.bye('There is a link already.');
      return older;
    }
    this.links.set(peer.key, link);
    this.known.linkUp(peer);
    older?.bye('There is a newer link.');
    link.signal.addEventListener('abort', () => {
      if (this.links.get(peer.key) !== link) return;
      this.links.delete(peer.key);
      this.known.linkDown(peer);
      this.events.publish('signalling.closed', { peer, ...describeError(link.signal.reason) });
    });
    return link;
  }

  private announce(link: SignallingLink): void {
    if (link.signal.aborted || this.links.get(link.peer.key) !== link) return;
    const { peer, role, agentVersion, strategies } = link.identity;
    const { rttMs, clockAheadMs } = link;
    const clock = clockAheadMs === undefined ? {} : { clockAheadMs };
    this.events.publish('signalling.connected', { peer, role, agentVersion, strategies, rttMs, ...clock });
    for (const waiting of this.waiting) if (waiting.key === peer.key) waiting.resolve(link);
    link.services.grantBy(() => this.grantRelay(peer));
    link.services.onReached = (place) => this.offered.onReached?.(place);
    link.services.tell(this.offered.current);
    link.services.keepBy((services) => {
      if (this.links.get(peer.key) !== link) return;
      this.known.learn(peer, services);
      this.events.publish('services.heard', { peer, ...services });
    });
    if (link.identity.features.includes(feature.gossip)) this.gossip.linkUp(peer, link.gossip, link.signal);
    this.onLink?.(link);
  }

  private async askRelay(peer: PeerRef, signal: AbortSignal): Promise<string> {
    const link = this.links.get(peer.key);
    if (!link) throw new StrategyError('RELAY_NOT_ALLOWED', `There is no link with ${peer.address} to ask for its relay.`);
    return link.services.askRelay(signal);
  }

  private grantRelay(peer: PeerRef): string {
    const { grant } = this.relayTickets;
    if (!grant) throw new StrategyError('RELAY_NOT_ALLOWED', 'This agent does not relay.');
    return grant(peer);
  }

  /** Says what was refused, but not for every connection of one that goes on knocking. */
  private report(remote: string, error: unknown, subject = remote): void {
    const failure = describeError(error);
    if (this.news.isNew(`${subject} ${failure.code}`)) this.events.publish('signalling.failed', { ...failure, remote });
  }

  private explainListenFailure(error: unknown, address: string, port: number): SignallingError {
    const { code, message } = describeError(error);
    if (code === 'EADDRINUSE') {
      return new SignallingError('SIGNALLING_PORT_TAKEN', `Port ${port} of ${address} is taken by another program.`, {
        cause: error,
      });
    }
    return new SignallingError('OVERLAY_ADDRESS_MISSING', `Cannot listen on ${address} (${code}): ${message}.`, { cause: error });
  }
}

/** What answers with a refusal is the peer's machine, so that no firewall or route is to blame. */
function unreachable(address: string, port: number, code: string, message: string, cause: unknown): SignallingError {
  if (code !== 'ECONNREFUSED')
    return new SignallingError('SIGNALLING_UNREACHABLE', `The agent of ${address} cannot be reached (${code}): ${message}.`, {
      cause,
    });
  return new SignallingError(
    'SIGNALLING_UNREACHABLE',
    `No agent runs at ${address}: nothing listens on port ${port} (${code}).`,
    {
      cause,
      help: `Run ratatoskr at the peer, too, with the same signalling.port.`,
    },
  );
}

function notAllowed(remote: string): SignallingError {
  return new SignallingError('SIGNALLING_NOT_ALLOWED', `${remote} is not permitted by allow and deny.`);
}

/** Is it a node's own address (200::/8)? Those of the subnets that nodes route (300::/8) derive from no key. */
function isNodeAddress(address: string): boolean {
  return isOverlayAddress(address) && address.startsWith('2');
}
