import type { AgentEvent } from '../../src/core/events.js';
import { clearlyShorter } from '../../src/core/routes/shortest-round-trip.js';
import type { Host } from '../../src/testing.js';
import type { Geography } from './geography.js';
import type { Inhabitant, Pair, Population } from './population.js';

/** Which relays carry the pairs' paths, and which would do best. */
export class RouteWatch {
  /** Relays of the path in use by pair, in the order in which a packet passes them on its way out and on its way back. */
  private readonly inUse = new Map<Pair, readonly [readonly Host[], readonly Host[]]>();
  private readonly ends: ReadonlyMap<string, Pair>;

  constructor(
    private readonly geography: Geography,
    private readonly population: Population,
  ) {
    // One end's word is enough.
    this.ends = new Map(population.pairs.map((pair) => [pair[0].host.name, pair]));
  }

  read(event: AgentEvent): void {
    if (event.event !== 'bridge.up') return;
    const pair = this.ends.get(event.agent);
    if (!pair || !event.relay) return;
    const [, out = event.relay, home] = /^(.*) out, (.*) back$/.exec(event.relay) ?? [];
    const there = this.hostsOf(out);
    this.inUse.set(pair, [there, home === undefined ? there.toReversed() : this.hostsOf(home)]);
  }

  /** Pairs of nodes that are both there. */
  get pairs(): readonly Pair[] {
    return this.population.pairs.filter(([one, other]) => one.node && other.node);
  }

  /** Round trip of the path in use over that of the best relay there is; undefined where there was no path yet. */
  excess(pair: Pair): number | undefined {
    const relays = this.inUse.get(pair);
    const best = this.bestFor(pair);
    return relays && best && this.rttMs(pair, relays) / this.rttMs(pair, [[best.host], [best.host]]);
  }

  bestFor(pair: Pair): Inhabitant | undefined {
    const relays = this.population.everyone.filter((each) => each.relays && each.node);
    const costs = relays.map(({ host }) => this.rttMs(pair, [[host], [host]]));
    return relays[costs.indexOf(Math.min(...costs))];
  }

  /** Is this relay the best for a pair, and by more than is taken for noise? */
  isWorthMoving(pair: Pair, relay: Inhabitant): boolean {
    const inUse = this.inUse.get(pair);
    const rttMs = this.rttMs(pair, [[relay.host], [relay.host]]);
    return this.bestFor(pair) === relay && inUse !== undefined && clearlyShorter(rttMs, this.rttMs(pair, inUse));
  }

  uses(pair: Pair, relay: Host): boolean {
    return this.inUse.get(pair)?.some((way) => way.includes(relay)) ?? false;
  }

  private rttMs([one, other]: Pair, [out, back]: readonly [readonly Host[], readonly Host[]]): number {
    return (this.wayMs([one.host, ...out, other.host]) + this.wayMs([other.host, ...back, one.host])) / 2;
  }

  private wayMs(hosts: readonly Host[]): number {
    return hosts.reduce((sum, host, at) => {
      const next = hosts[at + 1];
      return next ? sum + this.geography.rttMs(host, next) : sum;
    }, 0);
  }

  /** @param way as in `bridge.up`: addresses and ports with `then` between them */
  private hostsOf(way: string): Host[] {
    return way.split(' then ').map((name) => {
      const address = name.split(':')[0];
      const found = this.population.everyone.find(({ relays, host }) => relays && host.address === address);
      if (!found) throw new Error(`no relay has the address of ${name}`);
      return found.host;
    });
  }
}
