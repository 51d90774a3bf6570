import { markdownTable } from '../markdown-table.js';
import { linePlot } from './line-plot.js';
import type { ScaleFigures } from './simulate.js';

/** What the sizes have cost, and what came of the new relay. */
export function scaleTables(rows: readonly ScaleFigures[]): string {
  const costs = markdownTable(
    [
      ' nodes',
      ' relays',
      ' links a node',
      ' messages a node a minute',
      ' bytes a node a minute',
      ' memory a node, kB',
      ' CPU a node a minute, ms',
    ],
    rows.map(({ nodes, relays, links, messages, bytes, memory, cpuMs }) => [
      nodes,
      relays,
      links.toFixed(1),
      messages.toFixed(2),
      bytes.toFixed(0),
      (memory / 1000).toFixed(0),
      cpuMs.toFixed(1),
    ]),
  );
  const outcome = markdownTable(
    [
      ' nodes',
      ' half told, s',
      ' nine in ten told, s',
      ' first used, s',
      ' used by half, s',
      ' pairs',
      ' median',
      ' mean',
      ' within a tenth, %',
    ],
    rows.map(({ nodes, newRelay, routes }) => [
      nodes,
      newRelay.halfToldS ?? '–',
      newRelay.mostToldS ?? '–',
      newRelay.firstUsedS ?? '–',
      newRelay.halfUsedS ?? '–',
      routes.pairs,
      routes.median.toFixed(2),
      routes.mean.toFixed(2),
      (routes.near * 100).toFixed(0),
    ]),
  );
  return `${costs}\n\n${outcome}\n`;
}

/** What all nodes together send in a minute and hold in memory, beside n log n through the first size. */
export function scalePlot(rows: readonly ScaleFigures[]): string {
  const panel = (title: string, name: string, ofOne: (row: ScaleFigures) => number) => {
    const points = rows.map((row) => [row.nodes, ofOne(row) * row.nodes] as const);
    const [[nodes, value] = [2, 1]] = points;
    const share = value / (nodes * Math.log(nodes));
    const yardstick = points.map(([n]) => [n, share * n * Math.log(n)] as const);
    return {
      title,
      curves: [
        { name, points },
        { name: 'n log n', points: yardstick, isYardstick: true },
      ],
    };
  };
  return linePlot('Cost by the number of nodes', [
    panel('Messages a minute, all nodes', 'messages', ({ messages }) => messages),
    panel('Bytes a minute, all nodes', 'bytes', ({ bytes }) => bytes),
    panel('Memory, all nodes (kB)', 'memory', ({ memory }) => memory / 1000),
  ]);
}
