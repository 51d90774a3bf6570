import type { Clock } from '../../core/clock.js';
import { LinkDelays } from '../../core/routes/link-delays.js';
import type { OneWayDelays } from '../../core/routes/one-way-delay.js';
import { type RoundTrip, roundTripMs, tripsWorthMore } from '../../core/routes/shortest-round-trip.js';
import type { CoordinatedRoutes, DelayReport } from './messages.js';

/** Agents whose reports are kept; of more, the one that was quiet the longest is forgotten. */
const maxAgents = 4096;
/** What is kept of one agent, relays and delays between them; of more, that which was reported the longest ago is forgotten. */
const maxRelays = 32;
const maxLinks = 64;
/** How long a delay counts, in milliseconds. Clocks at 100 ppm drift 12 ms in it, and reports for one attempt come within a second. */
const lifetimeMs = 120_000;
/** Relays that an answer compares, those that were reported last: as many as two ends offer each other. */
const maxCompared = 8;

interface Delay extends OneWayDelays {
  readonly until: number;
}

interface Link extends Delay {
  readonly from: string;
  readonly to: string;
}

/** What an agent has reported, the oldest first. */
interface Reported {
  /** By the relay. */
  readonly delays: Map<string, Delay>;
  /** By both relays. */
  readonly links: Map<string, Link>;
}

/** A relay that two agents have reported. */
interface SharedRelay {
  readonly relay: string;
  readonly near: OneWayDelays;
  readonly far: OneWayDelays;
}

/** What agents have reported of how far relays are, and the shortest ways that follow from it. */
export class DelayBook {
  /** By the agent's key, the one that was quiet the longest first. */
  private readonly agents = new Map<string, Reported>();

  constructor(private readonly clock: Pick<Clock, 'now'>) {}

  /** Agents that have reported, and what is kept of them. */
  get size(): { readonly agents: number; readonly delays: number; readonly links: number } {
    const kept = [...this.agents.values()];
    const total = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0);
    return {
      agents: kept.length,
      delays: total(kept.map(({ delays }) => delays.size)),
      links: total(kept.map(({ links }) => links.size)),
    };
  }

  report(agent: string, { delays, links = [] }: DelayReport): void {
    const known = this.agents.get(agent) ?? { delays: new Map(), links: new Map() };
    const until = this.clock.now() + lifetimeMs;
    for (const { relay, outMs, inMs } of delays) renew(known.delays, relay, { outMs, inMs, until });
    for (const { outMs, inMs, ...ends } of links) {
      const [from, to] = [delays[ends.from]?.relay, delays[ends.to]?.relay];
      if (from === undefined || to === undefined) continue;
      renew(known.links, `${from} ${to}`, { from, to, outMs, inMs, until });
    }
    trim(known.delays, maxRelays);
    trim(known.links, maxLinks);
    renew(this.agents, agent, known);
    trim(this.agents, maxAgents);
  }

  /**
   * The shortest way from one agent to another and back, over relays that both have reported, as the two would choose it: one relay
   * carries both directions unless more are clearly shorter, and where the reports contradict each other. Nobody else's reports count.
   * @returns empty ways where there is no such relay
   */
  routes(from: string, to: string): CoordinatedRoutes {
    const [near, far] = [this.fresh(from), this.fresh(to)];
    const shared = [...(near?.delays ?? [])]
      .flatMap(([relay, delay]): SharedRelay[] => {
        const other = far?.delays.get(relay);
        return other ? [{ relay, near: delay, far: other }] : [];
      })
      .slice(-maxCompared);
    const straight = shared.map((one): RoundTrip<SharedRelay> => ({ out: [one], back: [one], rttMs: roundTripMs([one], [one]) }));
    const [nearest] = straight.sort((a, b) => a.rttMs - b.rttMs);
    if (!nearest) return { out: [], back: [] };
    const links = new LinkDelays();
    for (const link of [...(near?.links.values() ?? []), ...(far?.links.values() ?? [])]) links.add(link.from, link.to, link);
    const between = (one: SharedRelay, other: SharedRelay) => links.between(one.relay, other.relay);
    const [best = nearest] = tripsWorthMore(shared, { out: between, back: between }, nearest.rttMs);
    return { out: best.out.map(({ relay }) => relay), back: best.back.map(({ relay }) => relay) };
  }

  private fresh(agent: string): Reported | undefined {
    const known = this.agents.get(agent);
    const now = this.clock.now();
    for (const map of known ? [known.delays, known.links] : []) {
      for (const [key, { until }] of map) if (until <= now) map.delete(key);
    }
    return known;
  }
}

/** Puts an entry at the end. */
function renew<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key);
  map.set(key, value);
}

/** Takes the first out until no more are left than there may be. */
function trim(map: Map<string, unknown>, most: number): void {
  for (const key of map.keys()) {
    if (map.size <= most) return;
    map.delete(key);
  }
}
