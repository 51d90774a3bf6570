import { setMaxListeners } from 'node:events';
import { inject, injectable } from 'tsyringe';
import { prefersDirectLinks } from '../admin/router-version.js';
import type { Clock } from '../clock.js';
import { sleep } from '../clock.js';
import type { MeetingPurpose } from '../discovery-source.js';
import { describeError, SignallingError } from '../errors.js';
import type { EventSource, PeerRef } from '../events.js';
import type { ByteStream, Listener, Net } from '../net.js';
import type { Random } from '../random.js';
import type { RouterSelf } from '../router.js';
import type { Strategy } from '../strategy.js';
import { type Settings, tokens } from '../tokens.js';
import { Admission } from './admission.js';
import { greet } from './greeting.js';
import type { SignallingLink } from './link.js';
import { feature } from './messages.js';
import { ServiceExchange } from './service-exchange.js';
import { SignallingLinks } from './signalling-links.js';

/** How long a dial over the overlay may take, in milliseconds: a route may have to be found first. */
const dialTimeoutMs = 10_000;
/**
 * Pause between retransmissions at most, in milliseconds. The overlay is away for seconds when a router finds itself a new way, and an
 * offer that waits for the next of ever longer pauses keeps a bridge away for as long again.
 */
const maxRetransmitMs = 1000;
/** What was sent and got no answer for so long ends the connection, in milliseconds. */
const unansweredMs = 60_000;
/** Pause between tries to listen while the overlay address is missing, in milliseconds. */
const listenRetryMs = 500;

/** Meets the agents of peers over the overlay: listens on and dials from one port. */
@injectable()
export class Signalling {
  /** Called for every link that has come up, whoever dialled. */
  onLink: ((link: SignallingLink) => void) | undefined;
  /** Called for every agent that has shown its key, though it may have no room for this one. */
  onHello: ((peer: PeerRef) => void) | undefined;
  /** Asked what a peer is wanted for whatever its session carries, by its overlay address. */
  purposeOf: ((address: string) => MeetingPurpose | undefined) | undefined;

  private self: RouterSelf | undefined;
  private listener: Listener | undefined;
  private running = new AbortController();

  constructor(
    @inject(tokens.net) private readonly net: Net,
    @inject(tokens.clock) private readonly clock: Clock,
    @inject(tokens.random) private readonly random: Random,
    @inject(tokens.events) private readonly events: EventSource,
    @inject(tokens.settings) private readonly settings: Settings,
    @inject(tokens.strategies) private readonly strategies: readonly Strategy[],
    @inject(tokens.agentVersion) private readonly agentVersion: string,
    @inject(SignallingLinks) private readonly links: SignallingLinks,
    @inject(Admission) private readonly admission: Admission,
    @inject(ServiceExchange) private readonly exchange: ServiceExchange,
  ) {}

  /** Listens on the router's overlay address, waiting for the address to appear. Ends with `close`. */
  async open(self: RouterSelf): Promise<void> {
    this.self = self;
    this.running = new AbortController();
    const { signal } = this.running;
    // Every greeting under way listens, and a relay may have dozens.
    setMaxListeners(0, signal);
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
    for (const link of this.links.all) link.bye(reason);
    await this.listener?.close();
    this.listener = undefined;
  }

  /** The link with a peer, if there is one. */
  linkWith(key: string): SignallingLink | undefined {
    return this.links.with(key);
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
      if (code === 'EADDRNOTAVAIL' || code === 'EADDRINUSE')
        return await this.links.next(peer, AbortSignal.any([signal, this.running.signal]));
      throw unreachable(peer.address, port, code, message, error);
    }
    return await this.greet(stream, peer.address, true, (key) => {
      if (key !== peer.key) throw new SignallingError('SIGNALLING_IDENTITY', `${peer.address} answers with another key.`);
    });
  }

  private async welcome(stream: ByteStream): Promise<void> {
    const remote = stream.remoteAddress ?? '';
    if (!this.admission.admits(stream, remote)) return;
    try {
      await this.greet(stream, remote, false, () => {});
    } catch (error) {
      this.admission.report(remote, error);
    }
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
    const greetingEnds = this.admission.greetingBegins(remote);
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
        admit: (key, visits) => {
          admit(key);
          this.admission.checkPeer({ key, address: remote }, { visits });
        },
      });
      this.onHello?.(link.peer);
      // A peer that has no room says hello and bye in one breath.
      link.signal.throwIfAborted();
      const kept = this.links.keep(link);
      await kept.measure().catch((error: unknown) => {
        kept.bye('no answer to pings');
        throw error;
      });
      if (kept === link) this.announce(link);
      return kept;
    } finally {
      greetingEnds();
    }
  }

  private features({ version }: RouterSelf, remote: string): string[] {
    const hidden = this.settings.current.bridge.hidden && prefersDirectLinks(version);
    const purpose = this.purposeOf?.(remote);
    return [
      ...(hidden ? [feature.hiddenBridges] : []),
      ...(purpose === 'path' ? [feature.hold] : []),
      ...(purpose === 'services' ? [feature.visit] : []),
      ...this.exchange.features,
    ];
  }

  private announce(link: SignallingLink): void {
    if (link.signal.aborted) return;
    const { peer, role, agentVersion, strategies } = link.identity;
    const { rttMs, clockAheadMs } = link;
    const clock = clockAheadMs === undefined ? {} : { clockAheadMs };
    this.events.publish('signalling.connected', { peer, role, agentVersion, strategies, rttMs, ...clock });
    this.links.ready(link);
    this.exchange.linkUp(link);
    this.onLink?.(link);
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
