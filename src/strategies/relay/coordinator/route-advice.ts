import { permits } from '../../../core/config/permits.js';
import type { RelayPlace } from '../../../core/config/relay-way.js';
import type { Config } from '../../../core/config.js';
import { describeError, StrategyError } from '../../../core/errors.js';
import type { EventSource, PeerRef } from '../../../core/events.js';
import type { StrategyServices } from '../../../core/strategy.js';
import { formatEndpoint } from '../../../discovery/candidates.js';
import type { CoordinatedRoutes, DelayReport } from '../../../relay/coordinator/messages.js';
import { maxOver } from '../messages.js';
import type { ToldWay } from '../told-routes.js';
import { CoordinatorLink } from './coordinator-link.js';

type Routes = Config['relay']['routes'];

/** Peers whose routes are remembered for when the coordinator is away; of more, the one that was told the longest ago is forgotten. */
const maxRemembered = 256;

/** What others than the two ends say of which relays carry a path: the configuration, or a coordinator. Read anew for each attempt. */
export class RouteAdvice {
  private link: CoordinatorLink | undefined;
  private applied = '';
  /** What the coordinator said last, by the peer's key, the oldest first. */
  private readonly told = new Map<string, CoordinatedRoutes>();

  constructor(
    private readonly services: Pick<StrategyServices, 'net' | 'clock' | 'random' | 'log'>,
    private readonly settings: () => Routes,
    private readonly news: Pick<EventSource, 'publish'>,
  ) {}

  get mode(): Routes['mode'] {
    return this.settings().mode;
  }

  /** Takes the settings of the moment: connects to the coordinator that they name, or to none. */
  apply(): void {
    const { mode, coordinator } = this.settings();
    const uri = mode === 'super' && coordinator !== 'none' ? coordinator : undefined;
    const next = JSON.stringify([mode, uri]);
    if (next === this.applied) return;
    this.applied = next;
    this.link?.close();
    this.told.clear();
    this.news.publish('routes.mode', {
      mode,
      ...(uri ? { coordinator: formatEndpoint({ address: uri.host, port: uri.port }) } : {}),
    });
    this.link = uri && new CoordinatorLink(uri, this.services, this.news);
  }

  /**
   * Ways by which this end sends to a peer, as the configuration has them, the preferred first.
   * @returns undefined where the configuration leaves that to others
   * @throws StrategyError RELAY_ROUTE_NONE, RELAY_ROUTE_UNREACHABLE, or the signal's reason
   */
  async nextHops(peer: Pick<PeerRef, 'key' | 'address'>, signal: AbortSignal): Promise<readonly ToldWay[] | undefined> {
    const { mode, nextHops } = this.settings();
    if (mode !== 'static') return undefined;
    const hop = nextHops.find((one) => one.peer === '*' || permits({ allow: [one.peer], deny: [] }, peer));
    if (!hop || hop.over.length === 0) {
      throw new StrategyError(
        'RELAY_ROUTE_NONE',
        `The configuration names no relay for ${peer.address} (relay.routes.nextHops).`,
      );
    }
    const ways = await Promise.all(hop.over.map((way) => this.locate(way, signal)));
    signal.throwIfAborted();
    const found = ways.flat().slice(0, maxOver);
    if (found.length === 0) {
      const named = hop.over.flatMap((way) => way.map(({ host }) => host)).join(', ');
      const message = `No way in relay.routes.nextHops for ${peer.address} has names that all resolve: ${named}.`;
      throw new StrategyError('RELAY_ROUTE_UNREACHABLE', message);
    }
    return found;
  }

  /** Tells the coordinator what was measured, if there is one. Rejects with the signal's reason alone. */
  async report(report: DelayReport, signal: AbortSignal): Promise<void> {
    if (!this.link) return;
    try {
      await this.link.ask({ type: 'report', ...report }, 'noted', signal);
    } catch (error) {
      signal.throwIfAborted();
      this.services.log.debug('routes.not-reported', describeError(error));
    }
  }

  /**
   * What the coordinator says, or said last when it does not answer.
   * @returns undefined where it knows nothing of the two, or there is none. Rejects with the signal's reason alone
   */
  async ask(peerKey: string, signal: AbortSignal): Promise<CoordinatedRoutes | undefined> {
    if (!this.link) return undefined;
    try {
      const { out, back } = await this.link.ask({ type: 'ask', peer: peerKey }, 'routes', signal);
      if (out.length === 0 || back.length === 0) return undefined;
      this.remember(peerKey, { out, back });
      return { out, back };
    } catch (error) {
      signal.throwIfAborted();
      this.services.log.debug('routes.not-asked', describeError(error));
      return this.told.get(peerKey);
    }
  }

  /** Idempotent. */
  close(): void {
    this.link?.close();
  }

  /** The way over each address that its relays have. */
  private async locate(way: readonly RelayPlace[], signal: AbortSignal): Promise<readonly ToldWay[]> {
    const [first = [], second] = await Promise.all(
      way.map(async ({ host, port }) => {
        const addresses = await this.services.net.resolve(host, { signal }).catch(() => []);
        return addresses.map((address) => formatEndpoint({ address, port }));
      }),
    );
    return first.flatMap((one) => (second ? second.map((other) => [one, other]) : [[one]]));
  }

  private remember(peerKey: string, routes: CoordinatedRoutes): void {
    this.told.delete(peerKey);
    this.told.set(peerKey, routes);
    const [oldest] = this.told.keys();
    if (this.told.size > maxRemembered && oldest !== undefined) this.told.delete(oldest);
  }
}
