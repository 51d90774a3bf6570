import type { OneWayDelays } from './one-way-delay.js';

/** A gain below this much, or this part of the whole, is noise: nothing is given up for it. */
const clearGainMs = 3;
const clearGainPart = 0.1;

/** A relay as the two ends of a path have measured it. */
export interface MeasuredRelay {
  readonly near: OneWayDelays;
  readonly far: OneWayDelays;
}

/** A way out over one relay and a way back over one, which may be another. */
export interface RoundTrip<Relay extends MeasuredRelay> {
  readonly out: Relay;
  readonly back: Relay;
  /** What both ways take. How far the ends' clocks are apart is in each of them, with opposite signs, and so in their sum no more. */
  readonly rttMs: number;
}

/**
 * The shortest way in each direction. Compared are ways with the same two ends, so what their clocks and the relays' say cancels.
 * @returns undefined without relays, and when the two ways together take less than nothing: no clocks do that, somebody made times up
 */
export function shortestRoundTrip<Relay extends MeasuredRelay>(relays: readonly Relay[]): RoundTrip<Relay> | undefined {
  const [out] = relays.toSorted((a, b) => outMs(a) - outMs(b));
  const [back] = relays.toSorted((a, b) => backMs(a) - backMs(b));
  if (!out || !back) return undefined;
  const rttMs = roundTripMs(out, back);
  return rttMs < 0 ? undefined : { out, back, rttMs };
}

/** What it takes to go out over one relay and back over another. */
export function roundTripMs(out: MeasuredRelay, back: MeasuredRelay): number {
  return outMs(out) + backMs(back);
}

/** Is a round trip shorter by more than noise? */
export function clearlyShorter(rttMs: number, thanMs: number): boolean {
  return thanMs - rttMs > Math.max(clearGainMs, thanMs * clearGainPart);
}

function outMs({ near, far }: MeasuredRelay): number {
  return near.outMs + far.inMs;
}

function backMs({ near, far }: MeasuredRelay): number {
  return far.outMs + near.inMs;
}
