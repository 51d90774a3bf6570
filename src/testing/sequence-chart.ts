import type { NetworkNode } from './link.js';
import type { PacketEvent } from './medium.js';
import { kindOf, type Packet } from './packet.js';

export interface RecordedEvent extends PacketEvent {
  /** Milliseconds on the clock. */
  readonly at: number;
}

/** Characters from one node's line of life to the next. */
const columnWidth = 27;
const timeWidth = 10;

/**
 * What travelled between nodes, one line for each packet that arrived or was lost, in the order of time.
 * @param nodes from left to right; what touches any other is left out
 */
export function drawSequence(events: readonly RecordedEvent[], nodes: readonly NetworkNode[]): string {
  const header = `${'ms'.padStart(timeWidth - 2)}  ${nodes.map(({ name }) => name.slice(0, columnWidth - 2).padEnd(columnWidth)).join('')}`;
  const rows = events.flatMap((event) => {
    const row = event.event === 'sent' ? undefined : rowOf(event, nodes);
    return row === undefined ? [] : [`${event.at.toFixed(1).padStart(timeWidth - 2)}  ${row}`.trimEnd()];
  });
  return [header.trimEnd(), ...rows].join('\n');
}

function rowOf({ from, to, packet, cause }: PacketEvent, nodes: readonly NetworkNode[]): string | undefined {
  const start = nodes.indexOf(from);
  const end = to ? nodes.indexOf(to) : start;
  if (start < 0 || end < 0) return undefined;
  const life = nodes
    .map(() => '|'.padEnd(columnWidth))
    .join('')
    .split('');
  if (start === end) return `${write(life, start * columnWidth, `x ${cause} ${labelOf(packet)}`)}`;
  const [left, right] = [Math.min(start, end) * columnWidth + 1, Math.max(start, end) * columnWidth - 1];
  const width = right - left;
  const label = labelOf(packet).slice(0, width - 2);
  const shaft = `-${label}`.padEnd(width, '-');
  const head = cause === undefined ? '' : ` lost: ${cause}`;
  const arrow = end > start ? `${shaft}${cause === undefined ? '>' : 'x'}` : `${cause === undefined ? '<' : 'x'}${shaft}`;
  return `${write(life, left, arrow)}${head}`;
}

function labelOf(packet: Packet): string {
  return `${kindOf(packet)} :${packet.source.port}→${packet.destination.port}`;
}

function write(cells: readonly string[], at: number, text: string): string {
  return [...cells.slice(0, at), ...text, ...cells.slice(at + [...text].length)].join('').trimEnd();
}
