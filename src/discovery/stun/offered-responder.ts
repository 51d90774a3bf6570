import { sleep } from '../../core/clock.js';
import { describeError } from '../../core/errors.js';
import type { Endpoint } from '../../core/net.js';
import type { OfferedServices } from '../../core/peer-services.js';
import { isPublicAddress } from '../../core/reach.js';
import type { StrategyServices } from '../../core/strategy.js';
import { formatEndpoint } from '../candidates.js';
import type { PortMapper, PortMapping } from '../gateway/port-mapper.js';
import { mapPublicly } from '../gateway/public-mapping.js';
import { addressesSeen } from './addresses-seen.js';
import { StunResponder } from './responder.js';

/** How often own addresses and those of mappings are looked at, in milliseconds. */
const lookEveryMs = 10_000;
/** Pause before what could not be offered is tried again, in milliseconds, unless own addresses change before. */
const retryMs = 15 * 60_000;
/** A path takes a dozen requests of a peer. Answers are hardly longer than requests: a forger gains some kilobytes a second at most. */
const limits = {
  perSecond: 5,
  burst: 50,
  connections: 64,
  idleMs: 30_000,
  datagrams: { perSecond: 50, burst: 200 },
};

export interface OfferedResponderOptions {
  readonly services: StrategyServices;
  readonly offered: OfferedServices;
  /** UDP and TCP, 1024 to 65535. */
  readonly port: number;
  /** Absent where no port may be mapped. */
  readonly mapper?: Pick<PortMapper, 'map' | 'recover' | 'close'>;
}

/**
 * Answers STUN for peers where they can reach this machine: at public addresses of its own, or else at a port that the gateway maps.
 * A machine that has neither may be reached all the same, by a port forwarding or a NAT that gives it an address for itself: it asks its
 * peers, and offers what one of them has reached. IPv4 alone: there is no NAT to learn of elsewhere.
 */
export class OfferedResponder {
  private readonly closing = new AbortController();
  private life: Promise<void> = Promise.resolve();
  /** Where a peer has reached it while it was at its present addresses. */
  private reached: Endpoint | undefined;
  /** A peer's word is being weighed, which asks STUN: one at a time. */
  private weighing = false;

  constructor(private readonly options: OfferedResponderOptions) {
    options.offered.onReached = (place) => void this.take(place);
  }

  start(): void {
    this.life = this.run(this.closing.signal);
  }

  /** Gives ports and mappings back. Idempotent; never rejects. */
  async close(): Promise<void> {
    this.closing.abort(new Error('the responder is closed'));
    await this.life;
    await this.options.mapper?.close();
  }

  /** Never rejects. */
  private async run(signal: AbortSignal): Promise<void> {
    const { services, mapper } = this.options;
    const { clock } = services;
    await mapper?.recover().catch((error: unknown) => this.tell(error));
    while (!signal.aborted) {
      const own = this.ownAddresses();
      const place = await this.open(own, signal).catch((error: unknown) => {
        if (!signal.aborted) this.tell(error);
      });
      const until = place && !place.unconfirmed ? Number.POSITIVE_INFINITY : clock.now() + retryMs;
      this.options.offered.askAbout(place?.unconfirmed ? this.options.port : undefined);
      let moved = false;
      while (!signal.aborted && !moved && (clock.now() < until || this.reached)) {
        this.offer(place?.endpoints() ?? []);
        await sleep(clock, lookEveryMs, signal).catch(() => {});
        moved = String(this.ownAddresses()) !== String(own);
      }
      this.reached = undefined;
      await place?.close();
    }
  }

  /** A peer says that it was answered there. Its word counts where STUN, if there is any, does not see this machine elsewhere. */
  private async take(place: Endpoint): Promise<void> {
    const { offered, port, services } = this.options;
    const isSought = () => offered.current.unconfirmed === port;
    if (this.weighing || !isSought() || place.port !== port || !isPublicAddress(place.address)) return;
    this.weighing = true;
    try {
      const seen = await addressesSeen(services, this.closing.signal);
      if (seen.length > 0 && !seen.includes(place.address)) return;
      if (!isSought()) return;
      this.reached = place;
      offered.askAbout(undefined);
      this.offer([place]);
    } catch (error) {
      if (!this.closing.signal.aborted) this.tell(error);
    } finally {
      this.weighing = false;
    }
  }

  private offer(endpoints: readonly Endpoint[]): void {
    const { offered, services } = this.options;
    const at = endpoints.map(formatEndpoint);
    if (String(at) === String(offered.current.stun.map(formatEndpoint))) return;
    offered.offer('stun', endpoints);
    services.log.info('stun.offered', { at });
  }

  /** @throws StrategyError, AgentError or the signal's reason, and leaves nothing behind then */
  private async open(own: readonly string[], signal: AbortSignal): Promise<Place | undefined> {
    const { services, port, mapper } = this.options;
    const { net, clock, log } = services;
    const hosts = own.filter(isPublicAddress);
    if (own.length === 0) return undefined;
    const held: (() => Promise<unknown>)[] = [];
    const close = async () => {
      await Promise.all(held.map((release) => release()));
    };
    try {
      // A socket for each address answers from where it was asked.
      for (const address of hosts.length > 0 ? hosts : ['0.0.0.0']) {
        const responder = await StunResponder.open({ net, clock, log, listen: { address, port }, limits });
        held.push(() => responder.close());
      }
      if (hosts.length === 0) {
        const mapping = mapper && (await this.map(mapper, signal, held).catch((error: unknown) => this.goWithout(error, signal)));
        if (mapping) return { endpoints: () => [mapping.external], close };
        return { endpoints: () => (this.reached ? [this.reached] : []), unconfirmed: true, close };
      }
      const seen = await addressesSeen(services, signal);
      const contradicted = seen.length > 0 && !hosts.some((address) => seen.includes(address));
      if (contradicted) log.debug('stun.not-public', { own: hosts, seen });
      return { endpoints: () => (contradicted ? [] : hosts.map((address) => ({ address, port }))), close };
    } catch (error) {
      await close();
      throw error;
    }
  }

  /** One external port for both transports; peers that ask over UDP do without an answer where the gateway has no such port. */
  private async map(
    mapper: Pick<PortMapper, 'map'>,
    signal: AbortSignal,
    held: (() => Promise<unknown>)[],
  ): Promise<PortMapping> {
    const { services, port } = this.options;
    const tcp = await mapPublicly({ transport: 'tcp', internalPort: port }, { mapper, services, signal });
    held.push(() => tcp.release());
    try {
      const wanted = { transport: 'udp', internalPort: port, externalPort: tcp.external.port } as const;
      const udp = await mapper.map(wanted, signal);
      if (udp.external.port === tcp.external.port) held.push(() => udp.release());
      else await udp.release();
    } catch (error) {
      signal.throwIfAborted();
      this.tell(error);
    }
    return tcp;
  }

  private goWithout(error: unknown, signal: AbortSignal): undefined {
    signal.throwIfAborted();
    this.tell(error);
  }

  private ownAddresses(): string[] {
    const interfaces = this.options.services.net.interfaces();
    return interfaces.flatMap(({ family, internal, address }) => (family === 4 && !internal ? [address] : [])).sort();
  }

  /** That a gateway maps nothing is nothing to warn of, for nobody asked. */
  private tell(error: unknown): void {
    const failure = describeError(error);
    const level = failure.code.startsWith('STUN_') ? 'warn' : 'debug';
    this.options.services.log[level]('stun.not-offered', { ...failure });
  }
}

/** Where peers can ask. */
interface Place {
  endpoints(): readonly Endpoint[];
  /** Whether the internet reaches it is for a peer to say. */
  readonly unconfirmed?: boolean;
  close(): Promise<void>;
}
