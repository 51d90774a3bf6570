import type { Hops, MeasuredRelay } from '../../core/routes/delay-graph.js';
import { LinkDelays } from '../../core/routes/link-delays.js';
import type { OneWayDelays } from '../../core/routes/one-way-delay.js';
import { clearlyShorter, type RoundTrip, roundTripMs, tripsWorthMore, type Way } from '../../core/routes/shortest-round-trip.js';
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
  /** Infinite where it is not known. */
  readonly rttMs: number;
}

/** What was measured of the relays of each end's list. */
export type RelayLists = Readonly<Record<Role, readonly ListedRelay[]>>;

/**
 * Ways over relays that both ends reach, the shortest round trip first. Of equals the controlling end's come first, then those that its
 * operator prefers. One that comes back over another relay is among them when it is clearly shorter than all that do not, and one over
 * two relays in a row when it is clearly shorter than that: each more is another operator's.
 */
export function chooseRoutes(lists: RelayLists): Route[] {
  const relays = relaysOf(lists);
  const straight = straightRoutes(relays).sort((a, b) => a.rttMs - b.rttMs);
  const trips = tripsWorthMore(relays.filter(isTimed), hopsOf(lists), straight[0]?.rttMs ?? 0);
  return [...trips.flatMap((trip) => routeOf(trip) ?? []), ...straight].slice(0, maxSteps);
}

/** The route over relays of those names; undefined where not both ends reach each of them, or nobody can join two in a row. */
export function routeOver({ out, back }: RelayNames, lists: RelayLists): Route | undefined {
  const relays = relaysOf(lists);
  const [there, home] = [wayOf(out, relays), wayOf(back, relays)];
  return there && home && routeOf({ out: there, back: home, rttMs: roundTripOf(there, home, lists) });
}

/** Is the first of the routes worth a move from the one that is in use? Noise is not, and one that is no longer reached always is. */
export function worthMoving(lists: RelayLists, routes: readonly Route[], current: RelayNames): boolean {
  const [best] = routes;
  if (!best) return true;
  if (isSameRoute(best, current)) return false;
  const { rttMs = Infinity } = routeOver(current, lists) ?? {};
  return rttMs === Infinity || clearlyShorter(best.rttMs, rttMs);
}

export function isSameRoute(one: RelayNames, other: RelayNames): boolean {
  return String(one.out) === String(other.out) && String(one.back) === String(other.back);
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
  const delays = new LinkDelays();
  for (const { name, links = [] } of [...lists.controlling, ...lists.controlled]) {
    for (const [other, delay] of links) delays.add(name, other, delay);
  }
  const between = (from: Reached, to: Reached) => delays.between(from.name, to.name);
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

/** Undefined where nobody can open one of the ways. */
function routeOf({ out, back, rttMs }: RoundTrip<Reached>): Route | undefined {
  const names = { out: out.map(({ name }) => name), back: back.map(({ name }) => name) };
  const [there, home] = [useOf(out), useOf(back.toReversed())];
  if (!there || !home) return undefined;
  const step = String(names.out) === String(names.back.toReversed()) ? there : { ...there, back: home };
  return { step, ...names, rttMs };
}

/** @param relays that next to the controlling end first */
function useOf([first, second]: readonly Reached[]): WayUse | undefined {
  return first && (second ? usesInARow(first, second) : first.uses[0]);
}

/** The relays of those names, one or two different ones; undefined where one is not among those that both ends reach. */
function wayOf(names: readonly string[], relays: readonly Reached[]): Way<Reached> | undefined {
  const [first, second, ...more] = names.map((name) => relays.find((one) => one.name === name));
  if (!first || first === second || more.length > 0) return undefined;
  if (names.length === 1) return [first];
  return second && [first, second];
}

/** Of one relay by both ends' own clocks, of more by the relays', too. @returns milliseconds, infinite where a part of it is not known */
function roundTripOf(there: Way<Reached>, home: Way<Reached>, lists: RelayLists): number {
  const [only, ...more] = new Set([...there, ...home]);
  if (only && more.length === 0) return only.ends.controlling.rttMs + only.ends.controlled.rttMs;
  return isTimedWay(there) && isTimedWay(home) ? roundTripMs(there, home, hopsOf(lists)) : Infinity;
}

function isTimedWay(way: Way<Reached>): way is Way<TimedRelay> {
  return way.every(isTimed);
}
