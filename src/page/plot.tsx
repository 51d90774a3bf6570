import { areaPath, linePath, type PlotFrame, type PlotPoint, roundUp } from './plot-scale.js';

export interface Series {
  readonly name: string;
  readonly points: readonly PlotPoint[];
  readonly look: 'area' | 'line' | 'dashed';
}

interface PlotProps {
  readonly title: string;
  /** What a screen reader says instead of the picture. */
  readonly summary: string;
  readonly series: readonly Series[];
  readonly from: number;
  readonly to: number;
  readonly unit: (value: number) => string;
}

const width = 480;
const height = 96;

/** Values over time: a picture with its title, its greatest value and its legend in text. */
export function Plot({ title, summary, series, from, to, unit }: PlotProps) {
  const values = series.flatMap(({ points }) => points.flatMap(({ value }) => value ?? []));
  const top = roundUp(Math.max(0, ...values));
  const frame: PlotFrame = { from, to, top, width, height };
  return (
    <figure class="plot">
      <figcaption>
        <span class="plot-title">{title}</span>
        {series.map(({ name, look }) => (
          <span key={name} class={`legend ${look}`}>
            {name}
          </span>
        ))}
      </figcaption>
      <div class="plot-body">
        <span class="plot-top" aria-hidden="true">
          {unit(top)}
        </span>
        <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={summary}>
          <line class="grid" x1="0" x2={width} y1="0.5" y2="0.5" />
          <line class="grid" x1="0" x2={width} y1={height / 2} y2={height / 2} />
          <line class="grid" x1="0" x2={width} y1={height - 0.5} y2={height - 0.5} />
          {series.map(({ name, points, look }) => (
            <path key={name} class={look} d={look === 'area' ? areaPath(points, frame) : linePath(points, frame)} />
          ))}
        </svg>
        <span class="plot-from" aria-hidden="true">
          {Math.round((to - from) / 60_000)} min ago
        </span>
        <span class="plot-to" aria-hidden="true">
          now
        </span>
      </div>
    </figure>
  );
}

/** A plot without axes, for a line of text. */
export function Sparkline({ series, from, to }: Pick<PlotProps, 'series' | 'from' | 'to'>) {
  const values = series.flatMap(({ points }) => points.flatMap(({ value }) => value ?? []));
  const frame: PlotFrame = { from, to, top: roundUp(Math.max(0, ...values)), width: 96, height: 22 };
  return (
    <svg class="spark" viewBox="0 0 96 22" preserveAspectRatio="none" aria-hidden="true">
      {series.map(({ name, points, look }) => (
        <path key={name} class={look} d={look === 'area' ? areaPath(points, frame) : linePath(points, frame)} />
      ))}
    </svg>
  );
}
