import type { LabOptions } from '../../test/lab/lab.js';

/** What lies between the two hosts. */
export interface Line {
  readonly name: string;
  readonly links: LabOptions['links'];
}

/** One way, in milliseconds, of each host's line; the public peer is farther away. */
const delayMs = 10;
const shaped = { delayMs, kbitPerSecond: 100_000, queueBytes: 500_000 };

/** As fast as the machine goes, and 40 ms round trip at 100 Mbit/s with a queue of 40 ms, which loses packets on a's part both ways. */
export const lines: readonly Line[] = [
  { name: 'unshaped', links: undefined },
  ...[0, 0.01, 0.03].map((loss) => ({
    name: `${loss * 100} % loss`,
    links: { a: { ...shaped, loss }, b: shaped, p: 2 * delayMs },
  })),
];
