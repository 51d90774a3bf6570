import type { Spread } from './spread.js';

/** One diagram of a plot: a bar for each row. */
export interface BarPanel {
  readonly title: string;
  readonly unit: string;
  readonly bars: readonly { readonly name: string; readonly value: Spread }[];
}

const width = 760;
const [nameWidth, valueWidth, rowHeight, titleHeight, margin] = [250, 70, 22, 34, 16];
const barWidth = width - nameWidth - valueWidth - 2 * margin;

/** Bars of the medians with lines from the least to the most, one panel below the other, as an SVG document that suits light and dark pages. */
export function barPlot(panels: readonly BarPanel[]): string {
  let top = margin;
  const parts = panels.map((panel) => {
    const drawn = drawPanel(panel, top);
    top += titleHeight + panel.bars.length * rowHeight + margin;
    return drawn;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${top}" font-family="system-ui, sans-serif" font-size="13">`,
    '<title>Throughput, CPU and time to a bridge</title>',
    '<style>',
    'text { fill: #24292f } .bar { fill: #4c8dae } .range { stroke: #24292f; stroke-width: 1.5 } .axis { stroke: #8c959f }',
    '@media (prefers-color-scheme: dark) { text { fill: #d1d9e0 } .range { stroke: #d1d9e0 } }',
    '</style>',
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

function drawPanel({ title, unit, bars }: BarPanel, top: number): string {
  const most = Math.max(...bars.map(({ value }) => value.most), Number.MIN_VALUE);
  const left = margin + nameWidth;
  const at = (value: number) => (left + (value / most) * barWidth).toFixed(1);
  const rows = bars.map(({ name, value: { median, least, most: greatest } }, index) => {
    const y = top + titleHeight + index * rowHeight;
    const middle = y + rowHeight / 2;
    return [
      `<text x="${left - 8}" y="${middle + 4}" text-anchor="end">${escapeXml(name)}</text>`,
      `<rect class="bar" x="${left}" y="${y + 3}" width="${((median / most) * barWidth).toFixed(1)}" height="${rowHeight - 6}"/>`,
      `<line class="range" x1="${at(least)}" x2="${at(greatest)}" y1="${middle}" y2="${middle}"/>`,
      `<text x="${width - margin}" y="${middle + 4}" text-anchor="end">${Number(median.toPrecision(3))}</text>`,
    ].join('');
  });
  const bottom = top + titleHeight + bars.length * rowHeight;
  return [
    `<text x="${margin}" y="${top + 18}" font-weight="600">${escapeXml(title)} (${escapeXml(unit)})</text>`,
    ...rows,
    `<line class="axis" x1="${left}" x2="${left}" y1="${top + titleHeight}" y2="${bottom}"/>`,
  ].join('\n');
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
