/** The least of 1, 2 or 5 times a power of ten that is no less than a value: where an axis may end. */
export function roundUp(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((step) => step * power >= value * (1 - 1e-9)) ?? 10) * power;
}

/** One point of a series; null where there is nothing to draw. */
export interface PlotPoint {
  readonly at: number;
  readonly value: number | null;
}

export interface PlotFrame {
  readonly from: number;
  readonly to: number;
  /** Value at the upper edge; the lower one is 0. */
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Path data of a line through the points, broken where there is nothing. */
export function linePath(points: readonly PlotPoint[], frame: PlotFrame): string {
  return runsOf(points)
    .map((run) => `M${run.map((point) => place(point, frame)).join('L')}`)
    .join('');
}

/** Path data of the area below that line. */
export function areaPath(points: readonly PlotPoint[], frame: PlotFrame): string {
  return runsOf(points)
    .map((run) => {
      const [first, last] = [run[0], run.at(-1)];
      if (!first || !last) return '';
      const ground = (at: number) => place({ at, value: 0 }, frame);
      return `M${ground(first.at)}L${run.map((point) => place(point, frame)).join('L')}L${ground(last.at)}Z`;
    })
    .join('');
}

type DrawnPoint = PlotPoint & { readonly value: number };

/** Points that follow one another without a gap; what lies alone is drawn as a short stroke. */
function runsOf(points: readonly PlotPoint[]): DrawnPoint[][] {
  const runs: DrawnPoint[][] = [];
  let open: DrawnPoint[] | undefined;
  for (const { at, value } of points) {
    if (value === null) open = undefined;
    else if (open) open.push({ at, value });
    else {
      open = [{ at, value }];
      runs.push(open);
    }
  }
  return runs;
}

function place({ at, value }: DrawnPoint, { from, to, top, width, height }: PlotFrame): string {
  const x = ((at - from) / (to - from)) * width;
  const y = height - (Math.min(value, top) / top) * height;
  return `${x.toFixed(1)} ${y.toFixed(1)}`;
}
