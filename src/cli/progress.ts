import type { LogOutput } from './event-log.js';

/** Back to the beginning of the line, and clear it. */
const erase = '\r\u001b[2K';

/** Shows what is under way on one line of a terminal; elsewhere it is silent. @returns to be called whenever that changes, with nothing at the end */
export function progressLine(output: LogOutput): (under: readonly string[]) => void {
  if (output.isTTY !== true) return () => {};
  return (under) => void output.write(under.length === 0 ? erase : `${erase}looking at ${under.join(', ')} …`);
}
