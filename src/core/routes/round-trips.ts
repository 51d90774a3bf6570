import type { DelayGraph, Way } from './delay-graph.js';

/** A gain below this much, or this part of the whole, is noise: nothing is given up for it. */
const clearGainMs = 3;
const clearGainPart = 0.1;

/** A way out and a way back. The clocks of the ends are in both, with opposite signs, and so in their sum no more. */
export interface RoundTrip {
  readonly out: Way;
  readonly back: Way;
  readonly rttMs: number;
}

/** Is a round trip shorter by more than noise? */
export function clearlyShorter(rttMs: number, thanMs: number): boolean {
  return thanMs - rttMs > Math.max(clearGainMs, thanMs * clearGainPart);
}

/**
 * Round trips from one node to another over relays, the best first: those that come back as they went, by their length, and before them
 * the one that does not, if it is clearly shorter than all of them. Less than nothing is no length: whoever measured made it up.
 */
export function roundTrips(graph: DelayGraph, from: string, to: string, relays: ReadonlySet<string>): RoundTrip[] {
  const outs = graph.ways(from, to, relays);
  const backs = graph.ways(to, from, relays);
  const backOf = new Map(backs.map((back) => [back.relays.toReversed().join(' '), back]));
  const straight = outs.flatMap((out) => {
    const back = backOf.get(out.relays.join(' '));
    return back ? roundTrip(out, back) : [];
  });
  straight.sort((a, b) => a.rttMs - b.rttMs);
  const [[out], [back]] = [outs, backs];
  const [split] = out && back ? roundTrip(out, back) : [];
  const worthIt = split && clearlyShorter(split.rttMs, straight[0]?.rttMs ?? Number.POSITIVE_INFINITY);
  return worthIt ? [split, ...straight] : straight;
}

function roundTrip(out: Way, back: Way): RoundTrip[] {
  const rttMs = out.costMs + back.costMs;
  return rttMs < 0 ? [] : [{ out, back, rttMs }];
}
