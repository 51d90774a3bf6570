import { type BenchCase, say } from '../case.js';
import { markdownTable } from '../markdown-table.js';
import { Crowd } from './crowd.js';

/** What an agent holds with the same bridges as before, after they came and went. */
export interface ChurnFigures {
  /** Bridges that have ended by then. */
  readonly ended: number;
  readonly heldBytes: number;
  readonly residentBytes: number;
  readonly descriptors: number;
  readonly threads: number;
}

const bridges = 60;
const rounds = 8;
const tickMs = 500;

/** Bridges that end in every way and come back; what the agent holds does not grow. `bench/churn.ts` has a day of it, simulated. */
export const churnCase: BenchCase<readonly ChurnFigures[]> = {
  name: 'churn',
  title: 'Bridges that come and go',
  intro: `One agent with ${bridges} bridges. In each round a third of them lose their router's link, the agents of a third are started anew, and the
sessions of a third end and begin again; when all are back, this is what the agent holds.`,
  about: 'memory, descriptors and threads of an agent whose bridges come and go',
  async measure() {
    const figures: ChurnFigures[] = [];
    const crowd = await Crowd.create(bridges);
    try {
      await crowd.bridge(bridges);
      for (let round = 0; round <= rounds; round++) {
        const heldBytes = await crowd.collect();
        figures.push({ ended: round * bridges, heldBytes, ...(await crowd.agent.holdings()) });
        say(JSON.stringify(figures.at(-1)));
        if (round < rounds) await churn(crowd);
      }
    } finally {
      await crowd.close();
    }
    return figures;
  },
  section(figures) {
    const rows = figures.map(({ ended, heldBytes, residentBytes, descriptors, threads }) => {
      return [ended, (residentBytes / 1e6).toFixed(1), (heldBytes / 1e6).toFixed(1), descriptors, threads];
    });
    return markdownTable([' bridges ended', ' resident MB', ' held MB', ' descriptors', ' threads'], rows);
  },
};

/** Resolves when every bridge has ended and come back. */
async function churn(crowd: Crowd): Promise<void> {
  const third = bridges / 3;
  const [broken, restarted, silent] = [0, 1, 2].map((part) => crowd.keys.slice(part * third, (part + 1) * third));
  await crowd.router({ meet: [...(broken ?? []), ...(restarted ?? [])], breakLinks: broken ?? [] });
  await crowd.peers({ stop: restarted ?? [] });
  await crowd.untilApart(silent ?? []);
  await crowd.router({ meet: crowd.keys });
  await crowd.peers({ start: restarted ?? [] });
  await crowd.untilPeered(bridges, { touchMs: tickMs });
}
