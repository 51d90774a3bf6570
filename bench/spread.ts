/** Several measurements of one thing. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly count: number;
}

/** @returns undefined for no values */
export function spreadOf(values: readonly number[]): Spread | undefined {
  const known = values.filter(Number.isFinite).sort((one, other) => one - other);
  const count = known.length;
  const [least, most] = [known[0], known.at(-1)];
  const [lower, upper] = [known[Math.floor((count - 1) / 2)], known[Math.floor(count / 2)]];
  if (least === undefined || most === undefined || lower === undefined || upper === undefined) return undefined;
  return { median: round((lower + upper) / 2), least: round(least), most: round(most), count };
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
