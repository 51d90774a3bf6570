import type { OneWayDelays } from '../../core/routes/one-way-delay.js';
import { clearlyShorter, type MeasuredRelay, roundTripMs, shortestRoundTrip } from '../../core/routes/round-trips.js';
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
}

/** A relay to try, and the end that asks it for a place. */
export interface RelayUse {
  readonly opener: Role;
  readonly index: number;
}

/** What to try: one relay both ways, or another one for what the controlled end sends. */
export interface Step extends RelayUse {
  readonly back?: RelayUse | undefined;
}

export interface Route {
  readonly step: Step;
  /** Names of the relays it takes: the same for the same route at another time. */
  readonly name: string;
  readonly rttMs: number;
}

/** What was measured of the relays of each end's list. */
export type RelayLists = Readonly<Record<Role, readonly ListedRelay[]>>;

/** By what was measured, or as the operators have listed them. */
export type RouteOrder = 'measured' | 'listed';

/**
 * Ways over relays that both ends reach, the shortest round trip first. Of equals the controlling end's come first, then those that its
 * operator prefers. One that comes back over another relay is among them when it is clearly shorter than all that do not: it costs two.
 */
export function chooseRoutes(lists: RelayLists, order: RouteOrder): Route[] {
  const uses = usesOf(lists);
  const straight = uses.map(straightRoute);
  if (order === 'listed') return straight.slice(0, maxSteps);
  straight.sort((a, b) => a.rttMs - b.rttMs);
  const trip = shortestRoundTrip(timedOf(uses));
  const [best] = straight;
  const isSplit = trip && best && trip.out.name !== trip.back.name && clearlyShorter(trip.rttMs, best.rttMs);
  return [...(isSplit ? [splitRoute(trip.out, trip.back)] : []), ...straight].slice(0, maxSteps);
}

/** Is the first of the routes worth a move from the one that is in use? Noise is not, and one that is no longer reached always is. */
export function worthMoving(lists: RelayLists, order: RouteOrder, routes: readonly Route[], currentName: string): boolean {
  const [best] = routes;
  const current = routeNamed(currentName, usesOf(lists));
  if (!best || !current) return true;
  if (best.name === current.name) return false;
  return order === 'listed' || clearlyShorter(best.rttMs, current.rttMs);
}

interface Use {
  readonly name: string;
  readonly use: RelayUse;
  readonly ends: Readonly<Record<Role, Distance>>;
}

/** A relay that tells its time to both ends. */
type TimedUse = Use & MeasuredRelay;

function usesOf(lists: RelayLists): Use[] {
  return (['controlling', 'controlled'] as const).flatMap((opener) =>
    lists[opener].flatMap(({ name, own, other }, index) => {
      if (!other) return [];
      const ends = opener === 'controlling' ? { controlling: own, controlled: other } : { controlling: other, controlled: own };
      return [{ name, use: { opener, index }, ends }];
    }),
  );
}

function timedOf(uses: readonly Use[]): TimedUse[] {
  return uses.flatMap((one) => {
    const [near, far] = [one.ends.controlling.oneWay, one.ends.controlled.oneWay];
    return near && far ? [{ ...one, near, far }] : [];
  });
}

/** Both ends' own round trips, by their own clocks. */
function straightRoute({ name, use, ends: { controlling, controlled } }: Use): Route {
  return { step: use, name, rttMs: controlling.rttMs + controlled.rttMs };
}

function splitRoute(out: TimedUse, back: TimedUse): Route {
  return { step: { ...out.use, back: back.use }, name: `${out.name} ${back.name}`, rttMs: roundTripMs(out, back) };
}

function routeNamed(name: string, uses: readonly Use[]): Route | undefined {
  const [outName, backName] = name.split(' ');
  if (backName === undefined) return uses.filter((one) => one.name === name).map(straightRoute)[0];
  const timed = timedOf(uses);
  const [out, back] = [outName, backName].map((one) => timed.find((other) => other.name === one));
  return out && back ? splitRoute(out, back) : undefined;
}
