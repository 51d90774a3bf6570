import type { Hops, MeasuredRelay } from '../../core/routes/delay-graph.js';
import type { OneWayDelays } from '../../core/routes/one-way-delay.js';
import {
  clearlyShorter,
  noHops,
  type RoundTrip,
  roundTripMs,
  shortestRoundTrip,
  type Way,
} from '../../core/routes/shortest-round-trip.js';
import type { Role } from '../../core/strategy.js';
import { maxSteps } from './messages.js';

/** How far one end is from a relay. */
export interface Distance {
  readonly rttMs: number;
  /** Undefined where the relay does not tell its time. */
  readonly oneWay?: OneWayDelays | undefined;
}

/** A relay of one end's list. */
export interface ListedRelay {
  /** The same for one relay in both lists. */
  readonly name: string;
  /** From the end whose list it is in. */
  readonly own: Distance;
  /** From the other; undefined where it does not reach the relay. */
  readonly other: Distance | undefined;
  /** From the relay to others, by their names, as far as it has told. */
  readonly links?: ReadonlyMap<string, OneWayDelays>;
}

/** A relay to try, and the end that asks it for a place. */
export interface RelayUse {
  readonly opener: Role;
  readonly index: number;
}

/** The relays of a way: one, or that next to the controlling end and `next` that next to the controlled end. */
export interface WayUse extends RelayUse {
  readonly next?: RelayUse | undefined;
}

/** What to try: one way for both directions, or another one for what the controlled end sends. */
export interface Step extends WayUse {
  readonly back?: WayUse | undefined;
}

/** Names of relays in the order in which a packet passes them, from the controlling end and back to it. */
export interface RelayNames {
  readonly out: readonly string[];
  readonly back: readonly string[];
}

export interface Route extends RelayNames {
  readonly step: Step;
  readonly rttMs: number;
}

/** What was measured of the relays of each end's list. */
export type RelayLists = Readonly<Record<Role, readonly ListedRelay[]>>;

/** By what was measured, or as the operators have listed them. */
export type RouteOrder = 'measured' | 'listed';

/**
 * Ways over relays that both ends reach, the shortest round trip first. Of equals the controlling end's come first, then those that its
 * operator prefers. One that comes back over another relay is among them when it is clearly shorter than all that do not, and one over
 * two relays in a row when it is clearly shorter than that: each more is another operator's.
 */
export function chooseRoutes(lists: RelayLists, order: RouteOrder): Route[] {
  const relays = relaysOf(lists);
  const straight = straightRoutes(relays);
  if (order === 'listed') return straight.slice(0, maxSteps);
  straight.sort((a, b) => a.rttMs - b.rttMs);
  const routes = [...straight];
  const timed = relays.filter(isTimed);
  for (const hops of [noHops, hopsOf(lists)]) {
    const trip = shortestRoundTrip(timed, hops);
    const [best] = routes;
    if (trip && best && clearlyShorter(trip.rttMs, best.rttMs)) routes.unshift(routeOf(trip));
  }
  return routes.slice(0, maxSteps);
}

/** Is the first of the routes worth a move from the one that is in use? Noise is not, and one that is no longer reached always is. */
export function worthMoving(lists: RelayLists, order: RouteOrder, routes: readonly Route[], current: RelayNames): boolean {
  const [best] = routes;
  const rttMs = rttOf(current, lists);
  if (!best || rttMs === undefined) return true;
  if (String(best.out) === String(current.out) && String(best.back) === String(current.back)) return false;
  return order === 'listed' || clearlyShorter(best.rttMs, rttMs);
}

/** What a route is called at the controlling end, for people. */
export function describeRoute({ out, back }: RelayNames): string {
  const [there, home] = [out, back].map((way) => way.join(' then '));
  return String(out) === String(back.toReversed()) ? `${there}` : `${there} out, ${home} back`;
}

/** A relay that both ends reach, and whose places in their lists are known. */
interface Reached {
  readonly name: string;
  readonly uses: readonly RelayUse[];
  readonly ends: Readonly<Record<Role, Distance>>;
}

/** One that tells its time to both ends. */
type TimedRelay = Reached & MeasuredRelay;

/** Each once, be it in one list or in both. */
function relaysOf(lists: RelayLists): (Reached | TimedRelay)[] {
  const found = new Map<string, Reached>();
  for (const opener of ['controlling', 'controlled'] as const) {
    for (const [index, { name, own, other }] of lists[opener].entries()) {
      if (!other) continue;
      const known = found.get(name);
      const ends = opener === 'controlling' ? { controlling: own, controlled: other } : { controlling: other, controlled: own };
      const [near, far] = [ends.controlling.oneWay, ends.controlled.oneWay];
      const relay = { ends, ...(near && far ? { near, far } : {}), ...known, name };
      found.set(name, { ...relay, uses: [...(known?.uses ?? []), { opener, index }] });
    }
  }
  return [...found.values()];
}

function isTimed(relay: Reached | TimedRelay): relay is TimedRelay {
  return 'near' in relay;
}

/** What it takes between relays, where they have told. */
function hopsOf(lists: RelayLists): Hops<TimedRelay> {
  const delays = new Map<string, number>();
  for (const { name, links = new Map<string, OneWayDelays>() } of [...lists.controlling, ...lists.controlled]) {
    for (const [other, { outMs, inMs }] of links) {
      delays.set(`${name} ${other}`, outMs);
      delays.set(`${other} ${name}`, inMs);
    }
  }
  const between = (from: Reached, to: Reached) => delays.get(`${from.name} ${to.name}`);
  return {
    out: (from, to) => usesInARow(from, to) && between(from, to),
    back: (from, to) => usesInARow(to, from) && between(from, to),
  };
}

/**
 * Who asks which of two relays: one end both, or each the one next to it. Where each could ask the farther one alone, nobody can join them.
 */
function usesInARow(nearer: Reached, farther: Reached): WayUse | undefined {
  const pairs = nearer.uses.flatMap((use) => farther.uses.map((other) => ({ ...use, next: other })));
  const ofOne = pairs.find(({ opener, next }) => opener === next.opener);
  return ofOne ?? pairs.find(({ opener }) => opener === 'controlling');
}

/** By both ends' own clocks; a relay that both may ask has two chances. */
function straightRoutes(relays: readonly Reached[]): Route[] {
  const routes = relays.flatMap(({ name, uses, ends: { controlling, controlled } }) =>
    uses.map((step) => ({ step, out: [name], back: [name], rttMs: controlling.rttMs + controlled.rttMs })),
  );
  // Those of the controlling end's list come first.
  return routes.sort((a, b) => Number(a.step.opener === 'controlled') - Number(b.step.opener === 'controlled'));
}

function routeOf({ out, back, rttMs }: RoundTrip<TimedRelay>): Route {
  const names = { out: out.map(({ name }) => name), back: back.map(({ name }) => name) };
  const [there, home] = [useOf(out), useOf(back.toReversed())];
  const step = String(names.out) === String(names.back.toReversed()) ? there : { ...there, back: home };
  return { step, ...names, rttMs };
}

/** @param relays that next to the controlling end first */
function useOf(relays: readonly Reached[]): WayUse {
  const [first, second] = relays;
  const use = first && (second ? usesInARow(first, second) : first.uses[0]);
  if (!use) throw new Error('a way was chosen that nobody can open');
  return use;
}

/** What the relays of those names take now; undefined when it is not known of all. */
function rttOf({ out, back }: RelayNames, lists: RelayLists): number | undefined {
  const relays = relaysOf(lists);
  const [only] = out;
  if (String(out) === String(back) && out.length === 1) {
    return straightRoutes(relays).find((straight) => straight.out[0] === only)?.rttMs;
  }
  const timed = relays.filter(isTimed);
  const wayOf = (names: readonly string[]): Way<TimedRelay> | undefined => {
    const [first, second] = names.map((name) => timed.find((one) => one.name === name));
    if (names.length === 1) return first && [first];
    return first && second && [first, second];
  };
  const [there, home] = [wayOf(out), wayOf(back)];
  const rttMs = there && home && roundTripMs(there, home, hopsOf(lists));
  return rttMs !== undefined && rttMs < Infinity ? rttMs : undefined;
}
