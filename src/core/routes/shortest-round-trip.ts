import { contradictsItself, type Hops, type MeasuredRelay } from './delay-graph.js';

/** A gain below this much, or this part of the whole, is noise: nothing is given up for it. */
const clearGainMs = 3;
const clearGainPart = 0.1;

/** The relays that a packet passes, in their order: one or two. */
export type Way<Relay> = readonly [Relay] | readonly [Relay, Relay];

/** A way out and a way back, each over relays of its own. */
export interface RoundTrip<Relay> {
  readonly out: Way<Relay>;
  readonly back: Way<Relay>;
  /** What both ways take. How far the ends' clocks are apart is in each of them, with opposite signs, and so in their sum no more. */
  readonly rttMs: number;
}

/** A relay leads to the ends alone. */
const noHops: Hops<unknown> = { out: () => undefined, back: () => undefined };

/**
 * The shortest way in each direction over one relay, or two in a row. Compared are ways with the same two ends, so what their clocks
 * and the relays' say cancels.
 * @returns undefined without relays, and when going round in a circle takes less than nothing: no clocks do that, somebody made times up
 */
export function shortestRoundTrip<Relay extends MeasuredRelay>(
  relays: readonly Relay[],
  hops: Hops<Relay> = noHops,
): RoundTrip<Relay> | undefined {
  const honest = withoutLiars(relays, hops);
  const ways = honest.flatMap((first): Way<Relay>[] => [
    [first],
    ...honest.flatMap((second): Way<Relay>[] => (first === second ? [] : [[first, second]])),
  ]);
  const [out] = shortestFirst(ways, (way) => outMs(way, hops));
  const [back] = shortestFirst(ways, (way) => backMs(way, hops));
  return out && back && { out, back, rttMs: outMs(out, hops) + backMs(back, hops) };
}

/**
 * Round trips that are worth more relays than one, the best first: out over one and back over another where that is clearly shorter than
 * `thanMs`, and over two in a row where that is clearly shorter still. Each more is another operator's.
 */
export function tripsWorthMore<Relay extends MeasuredRelay>(
  relays: readonly Relay[],
  hops: Hops<Relay>,
  thanMs: number,
): readonly RoundTrip<Relay>[] {
  const found: RoundTrip<Relay>[] = [];
  for (const which of [noHops, hops]) {
    const trip = shortestRoundTrip(relays, which);
    if (trip && clearlyShorter(trip.rttMs, found[0]?.rttMs ?? thanMs)) found.unshift(trip);
  }
  return found;
}

/** What it takes to go out and back on these ways; not finite where one of them cannot be gone. */
export function roundTripMs<Relay extends MeasuredRelay>(out: Way<Relay>, back: Way<Relay>, hops: Hops<Relay> = noHops): number {
  return outMs(out, hops) + backMs(back, hops);
}

/** Is a round trip shorter by more than noise? */
export function clearlyShorter(rttMs: number, thanMs: number): boolean {
  return thanMs - rttMs > Math.max(clearGainMs, thanMs * clearGainPart);
}

/** All, unless their times contradict each other: then those are left out without any one of which the others agree, or else all. */
function withoutLiars<Relay extends MeasuredRelay>(relays: readonly Relay[], hops: Hops<Relay>): readonly Relay[] {
  if (!contradictsItself(relays, hops)) return relays;
  const without = (one: Relay) => relays.filter((other) => other !== one);
  const suspects = relays.filter((one) => !contradictsItself(without(one), hops));
  return suspects.length === 0 ? [] : relays.filter((one) => !suspects.includes(one));
}

function shortestFirst<Relay>(ways: readonly Way<Relay>[], takes: (way: Way<Relay>) => number): Way<Relay>[] {
  return ways.filter((way) => takes(way) < Infinity).sort((a, b) => takes(a) - takes(b));
}

function outMs<Relay extends MeasuredRelay>([first, second]: Way<Relay>, { out }: Hops<Relay>): number {
  if (!second) return first.near.outMs + first.far.inMs;
  return first.near.outMs + (out(first, second) ?? Infinity) + second.far.inMs;
}

function backMs<Relay extends MeasuredRelay>([first, second]: Way<Relay>, { back }: Hops<Relay>): number {
  if (!second) return first.far.outMs + first.near.inMs;
  return first.far.outMs + (back(first, second) ?? Infinity) + second.near.inMs;
}
