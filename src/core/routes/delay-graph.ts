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

/**
 * What clocks that drift meanwhile may be off, in milliseconds, between an end and a relay, which are measured within 5 s of each other, and
 * between relays, which may have been measured half a minute before: 100 ppm make 0.5 and 3.
 */
const toleranceMs = 0.75;
const hopToleranceMs = 3;

/**
 * Does it take less than nothing to go round somewhere, over relays and the two ends? All-pairs shortest paths (Floyd, Warshall):
 * differences of clocks cancel around a circle, so what is left is a time, or a lie.
 */
export function contradictsItself<Relay extends MeasuredRelay>(relays: readonly Relay[], hops: Hops<Relay>): boolean {
  const measured = [
    [0, Infinity, ...relays.map(({ near }) => near.outMs)],
    [Infinity, 0, ...relays.map(({ far }) => far.outMs)],
    ...relays.map((from) => [
      from.near.inMs,
      from.far.inMs,
      ...relays.map((to) => hops.out(from, to) ?? hops.back(from, to) ?? Infinity),
    ]),
  ];
  const isEnd = (node: number) => node < 2;
  const slackMs = (from: number, to: number) => (isEnd(from) || isEnd(to) ? toleranceMs : hopToleranceMs);
  const delays = measured.map((row, from) => row.map((delayMs, to) => (from === to ? 0 : delayMs + slackMs(from, to))));
  const nodes = [...delays.keys()];
  const delay = (from: number, to: number) => delays[from]?.[to] ?? Infinity;
  for (const via of nodes)
    for (const from of nodes)
      for (const to of nodes) delays[from]?.splice(to, 1, Math.min(delay(from, to), delay(from, via) + delay(via, to)));
  return nodes.some((node) => delay(node, node) < 0);
}
