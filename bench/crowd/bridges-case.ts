import { setTimeout as delay } from 'node:timers/promises';
import { median } from '../../test/lab/ping.js';
import { type BenchCase, say } from '../case.js';
import { markdownTable } from '../markdown-table.js';
import { cpuShare } from './cpu-share.js';
import { Crowd } from './crowd.js';

/** What an agent takes that has so many bridges over which nothing passes. */
export interface BridgesFigures {
  readonly bridges: number;
  /** Memory, in bytes: by the kernel's count, and what garbage collection leaves of objects and buffers. */
  readonly residentBytes: number;
  readonly heldBytes: number;
  /** Part of one processor. */
  readonly idleCpu: number;
  readonly descriptors: number;
  readonly threads: number;
}

const counts = [0, 1, 100, 1000] as const;
/**
 * What bridging leaves to be done is over after so long, in milliseconds. The last of it are V8's and the agent's own collections of what it
 * left, some 50 s after it: one CPU second in all with 1,000 bridges.
 */
const settleMs = 90_000;
/** The median of so many spells of quiet counts: V8's rare collections are in some of them. */
const idleSpells = 3;
const idleMs = 20_000;

const intro = `One agent with bridges over which nothing passes, to as many agents in another process. *Resident* is what the kernel counts after two
and a half minutes of quiet, *held* what garbage collection leaves of objects and buffers then. Idle CPU is a part of one processor, the median of the last
three spells of 20 s, and has the polls of so many sessions in it, of 1,000 two in three seconds.`;

/** What bridges cost that carry nothing. */
export const bridgesCase: BenchCase<readonly BridgesFigures[]> = {
  name: 'bridges',
  title: 'Many bridges',
  intro,
  about: 'memory and CPU of one agent with 1, 100 and 1,000 idle bridges',
  async measure() {
    const figures: BridgesFigures[] = [];
    const crowd = await Crowd.create(Math.max(...counts));
    try {
      for (const bridges of counts) {
        await crowd.bridge(bridges);
        await delay(settleMs);
        const spells: number[] = [];
        while (spells.length < idleSpells) spells.push(await cpuShare(crowd.agent, idleMs));
        say(`idle CPU: ${spells.map((share) => `${(share * 100).toFixed(2)} %`).join(', ')}`);
        const idleCpu = median(spells) ?? Number.NaN;
        const holdings = await crowd.agent.holdings();
        figures.push({ bridges, ...holdings, idleCpu, heldBytes: await crowd.collect() });
        say(`${bridges} bridges: ${JSON.stringify(figures.at(-1))}`);
      }
    } finally {
      await crowd.close();
    }
    return figures;
  },
  section(figures) {
    const [base] = figures;
    const columns = [
      'bridges',
      ' resident MB',
      ' KB a bridge',
      ' held MB',
      ' KB a bridge',
      ' idle CPU',
      ' descriptors a bridge',
      ' threads',
    ];
    const rows = figures.map((row) => {
      const each = (key: 'residentBytes' | 'heldBytes' | 'descriptors', unit: number) =>
        row.bridges > 1 && base ? Math.round((row[key] - base[key]) / row.bridges / unit) : '–';
      return [
        row.bridges,
        (row.residentBytes / 1e6).toFixed(1),
        each('residentBytes', 1000),
        (row.heldBytes / 1e6).toFixed(1),
        each('heldBytes', 1000),
        `${(row.idleCpu * 100).toFixed(1)} %`,
        each('descriptors', 1),
        row.threads,
      ];
    });
    return markdownTable(columns, rows);
  },
};
