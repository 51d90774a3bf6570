import type { OneWayDelays } from './one-way-delay.js';

/** A relay as the two ends of a path have measured it. */
export interface MeasuredRelay {
  readonly near: OneWayDelays;
  readonly far: OneWayDelays;
}

/** What a packet takes from one relay to another, with the difference of their clocks in it; undefined where it cannot go. */
type Hop<Relay> = (from: Relay, to: Relay) => number | undefined;
export interface Hops<Relay> {
  readonly out: Hop<Relay>;
  readonly back: Hop<Relay>;
}

/** What clocks that drift while measurements are taken may take from a circle, in milliseconds. */
const toleranceMs = 3;

/**
 * Does it take less than nothing to go round somewhere, over relays and the two ends? All-pairs shortest paths (Floyd, Warshall):
 * differences of clocks cancel around a circle, so what is left is a time, or a lie.
 */
export function contradictsItself<Relay extends MeasuredRelay>(relays: readonly Relay[], hops: Hops<Relay>): boolean {
  const delays = [
    [0, Infinity, ...relays.map(({ near }) => near.outMs)],
    [Infinity, 0, ...relays.map(({ far }) => far.outMs)],
    ...relays.map((from) => [
      from.near.inMs,
      from.far.inMs,
      ...relays.map((to) => (from === to ? 0 : (hops.out(from, to) ?? hops.back(from, to) ?? Infinity))),
    ]),
  ];
  const nodes = [...delays.keys()];
  const delay = (from: number, to: number) => delays[from]?.[to] ?? Infinity;
  for (const via of nodes)
    for (const from of nodes)
      for (const to of nodes) delays[from]?.splice(to, 1, Math.min(delay(from, to), delay(from, via) + delay(via, to)));
  return nodes.some((node) => delay(node, node) < -toleranceMs);
}
