import type { AgentEvent } from '../../src/core/events.js';
import { clearlyShorter } from '../../src/core/routes/round-trips.js';
import type { Host } from '../../src/testing.js';
import type { Geography } from './geography.js';
import type { Inhabitant, Pair, Population } from './population.js';

/** Which relays carry the pairs' paths, and which would do best. */
export class RouteWatch {
  /** Relays of the path in use, out and back, by pair. */
  private readonly inUse = new Map<Pair, readonly [Host, Host]>();
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
    const [out, back = out] = (event.relay ?? '').split(', ').map((name) => this.hostAt(name.split(':')[0] ?? ''));
    if (pair && out && back) this.inUse.set(pair, [out, back]);
  }

  /** Pairs of nodes that are both there. */
  get pairs(): readonly Pair[] {
    return this.population.pairs.filter(([one, other]) => one.node && other.node);
  }

  /** Round trip of the path in use over that of the best relay there is; undefined where there was no path yet. */
  excess(pair: Pair): number | undefined {
    const relays = this.inUse.get(pair);
    const best = this.bestFor(pair);
    return relays && best && this.rttMs(pair, relays) / this.rttMs(pair, [best.host, best.host]);
  }

  bestFor(pair: Pair): Inhabitant | undefined {
    const relays = this.population.everyone.filter((each) => each.relays && each.node);
    const costs = relays.map(({ host }) => this.rttMs(pair, [host, host]));
    return relays[costs.indexOf(Math.min(...costs))];
  }

  /** Is this relay the best for a pair, and by more than is taken for noise? */
  isWorthMoving(pair: Pair, relay: Inhabitant): boolean {
    const inUse = this.inUse.get(pair);
    const rttMs = this.rttMs(pair, [relay.host, relay.host]);
    return this.bestFor(pair) === relay && inUse !== undefined && clearlyShorter(rttMs, this.rttMs(pair, inUse));
  }

  uses(pair: Pair, relay: Host): boolean {
    return this.inUse.get(pair)?.includes(relay) ?? false;
  }

  private rttMs([one, other]: Pair, [out, back]: readonly [Host, Host]): number {
    const way = (relay: Host) => this.geography.rttMs(one.host, relay) + this.geography.rttMs(relay, other.host);
    return (way(out) + way(back)) / 2;
  }

  private hostAt(address: string): Host | undefined {
    return this.population.everyone.find(({ relays, host }) => relays && host.address === address)?.host;
  }
}
