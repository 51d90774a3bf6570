import { median } from '../test/lab/ping.js';

/** Several measurements of one thing. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly count: number;
}

/** @returns undefined for no values */
export function spreadOf(values: readonly number[]): Spread | undefined {
  const known = values.filter(Number.isFinite);
  const middle = median(known);
  if (middle === undefined) return undefined;
  const [least, most] = [Math.min(...known), Math.max(...known)];
  return { median: round(middle), least: round(least), most: round(most), count: known.length };
}

/** The median, and what the measurements lie between. */
export function spreadText(spread: Spread | undefined, digits = 1): string {
  if (!spread) return '–';
  const { median, least, most, count } = spread;
  const middle = median.toFixed(digits);
  return count === 1 ? middle : `${middle} (${least.toFixed(digits)}–${most.toFixed(digits)})`;
}

/** More digits than any of the measurements has. */
function round(value: number): number {
  return Number(value.toPrecision(6));
}
