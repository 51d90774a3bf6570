import { formatEndpoint } from '../../discovery/candidates.js';
import { maxSteps } from './messages.js';
import type { RelayAddress } from './relay-source.js';
import { type RelayLists, type Route, routeOver } from './route-choice.js';

/** A way as it was named: its relays as `address:port`, in the order in which a packet passes them. */
export type ToldWay = readonly string[];

/** Ways for each direction, the preferred first; undefined where nobody says. */
export interface ToldWays {
  /** For what the controlling end sends, and for what the controlled end does. */
  readonly out?: readonly ToldWay[] | undefined;
  readonly back?: readonly ToldWay[] | undefined;
}

/** Routes over the ways that somebody named, of those that the ends can go. One that is named for one direction alone carries both. */
export function toldRoutes(lists: RelayLists, told: ToldWays): Route[] {
  const [outward, homeward] = [told.out, told.back].map((ways) => ways?.map((way) => way.map((place) => nameAt(place, lists))));
  const reversed = (way: ToldWay) => way.toReversed();
  const both =
    outward && homeward
      ? outward.flatMap((out) => homeward.map((back) => ({ out, back })))
      : (outward ?? homeward?.map(reversed) ?? []).map((out) => ({ out, back: reversed(out) }));
  return both.flatMap((names) => routeOver(names, lists) ?? []).slice(0, maxSteps);
}

/** Position of a relay among those that ways name; one that none names comes after them all. */
export function rankIn(ways: readonly ToldWay[], relay: RelayAddress): number {
  const places = ways.flat();
  const rank = places.indexOf(formatEndpoint(relay));
  return rank < 0 ? places.length : rank;
}

/** What a relay that both ends reach is called in the lists; whoever names one says nothing of how it is met. */
function nameAt(place: string, lists: RelayLists): string {
  const reached = [...lists.controlling, ...lists.controlled].filter(({ other }) => other);
  return reached.find(({ name }) => name === place || name.startsWith(`${place}/`))?.name ?? place;
}
