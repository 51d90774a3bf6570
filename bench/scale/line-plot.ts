/** One curve. */
interface Curve {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Of something to compare with, not of a measurement. */
  readonly isYardstick?: boolean;
}

export interface CurvePanel {
  readonly title: string;
  readonly curves: readonly Curve[];
}

const width = 760;
const [left, right, panelHeight, titleHeight, axisHeight, margin] = [70, 150, 170, 34, 40, 16];
const colours = ['#4c8dae', '#b5642a', '#5b8f3a', '#8a5fb0'];

/** Curves on logarithmic scales, one panel below the other, as an SVG document that suits light and dark pages. */
export function linePlot(title: string, panels: readonly CurvePanel[]): string {
  const heightEach = titleHeight + panelHeight + axisHeight;
  const height = panels.length * heightEach + margin;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="13">`,
    `<title>${title}</title>`,
    '<style>',
    'text { fill: #24292f } .axis { stroke: #8c959f } .curve { fill: none; stroke-width: 2 } .yardstick { stroke-dasharray: 4 4 }',
    '@media (prefers-color-scheme: dark) { text { fill: #d1d9e0 } }',
    '</style>',
    ...panels.map((panel, index) => drawPanel(panel, index * heightEach)),
    '</svg>',
    '',
  ].join('\n');
}

function drawPanel({ title, curves }: CurvePanel, top: number): string {
  const points = curves.flatMap((curve) => curve.points);
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [low, high] = [10 ** Math.floor(Math.log10(Math.min(...ys))), 10 ** Math.ceil(Math.log10(Math.max(...ys)))];
  const bottom = top + titleHeight + panelHeight;
  const end = width - right;
  const atX = scale(Math.min(...xs), Math.max(...xs), left, end);
  const atY = scale(low, high, bottom, top + titleHeight);
  const ticksX = [...new Set(xs)].map(
    (x) => `<text x="${atX(x)}" y="${bottom + 18}" text-anchor="middle">${x.toLocaleString('en')}</text>`,
  );
  const ticksY = [low, high].map((y) => `<text x="${left - 6}" y="${atY(y)}" text-anchor="end">${y.toLocaleString('en')}</text>`);
  const drawn = curves.map(({ name, points: own, isYardstick }, index) => {
    const path = own.map(([x, y], step) => `${step === 0 ? 'M' : 'L'}${atX(x)} ${atY(y)}`).join(' ');
    const colour = isYardstick ? '#8c959f' : colours[index % colours.length];
    const [lastX, lastY] = own.at(-1) ?? [0, 0];
    return [
      `<path class="curve${isYardstick ? ' yardstick' : ''}" stroke="${colour}" d="${path}"/>`,
      `<text x="${Number(atX(lastX)) + 6}" y="${Number(atY(lastY)) + 4}">${name}</text>`,
    ].join('');
  });
  return [
    `<text x="${margin}" y="${top + 20}" font-weight="600">${title}</text>`,
    `<path class="axis" fill="none" d="M${left} ${top + titleHeight} V${bottom} H${end}"/>`,
    ...ticksX,
    ...ticksY,
    ...drawn,
  ].join('\n');
}

function scale(from: number, to: number, start: number, end: number): (value: number) => string {
  const span = Math.log(to / from) || 1;
  return (value) => (start + (Math.log(value / from) / span) * (end - start)).toFixed(1);
}
