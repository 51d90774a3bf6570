import { setTimeout as delay } from 'node:timers/promises';
import { makeRouterKey } from '../../test/lab/router-process.js';
import { type BenchCase, say } from '../case.js';
import { markdownTable } from '../markdown-table.js';
import { cpuShare } from './cpu-share.js';
import { Crowd } from './crowd.js';

/** What it takes to watch a router's sessions. */
export interface PollFigures {
  readonly sessions: number;
  /** With whom the agent may have bridges. */
  readonly allowed: 'everyone' | 'one peer';
  /** CPU milliseconds a poll; all else that the agent does is in it. */
  readonly cpuMs: number;
}

const sessionCount = 10_000;
/** Until the first sight of the sessions is over, V8 has compiled what is used all the time and has collected what both left, in milliseconds. */
const warmUpMs = 60_000;
const watchMs = 60_000;

const intro = `CPU of an agent that watches a router with many sessions whose nodes have no agent, over the second minute, for each poll, of which there are
two in three seconds. All else that the agent does is in it.`;

/** What it costs to watch a router that has many sessions, with nodes that have no agent. */
export const pollCase: BenchCase<readonly PollFigures[]> = {
  name: 'poll',
  title: 'Watching sessions',
  intro,
  about: 'CPU of watching 10,000 sessions',
  async measure() {
    const keys = Array.from({ length: sessionCount }, () => makeRouterKey().publicKey);
    const figures: PollFigures[] = [];
    for (const [allowed, allow] of [
      ['everyone', []],
      ['one peer', keys.slice(0, 1)],
    ] as const) {
      const crowd = await Crowd.create(0, { allow, signalling: {} });
      try {
        await crowd.router({ meet: keys });
        await delay(warmUpMs);
        const { polls } = await crowd.router({});
        const share = await cpuShare(crowd.agent, watchMs);
        const cpuMs = (share * watchMs) / ((await crowd.router({})).polls - polls);
        figures.push({ sessions: keys.length, allowed, cpuMs });
        say(JSON.stringify(figures.at(-1)));
      } finally {
        await crowd.close();
      }
    }
    return figures;
  },
  section(figures) {
    const rows = figures.map(({ sessions, allowed, cpuMs }) => [sessions, allowed, cpuMs.toFixed(1)]);
    return markdownTable([' sessions', 'bridges allowed with', ' CPU ms a poll'], rows);
  },
};
