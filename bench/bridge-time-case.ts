import { setTimeout as delay } from 'node:timers/promises';
import { Lab } from '../test/lab/lab.js';
import { links } from '../test/lab/round-trips.js';
import { type Carrier, carriers, routerConfig } from './carriers/carrier.js';
import { untilPeered } from './carriers/peering.js';
import { type BenchCase, say } from './case.js';
import { markdownTable } from './markdown-table.js';
import { type Spread, spreadOf, spreadText } from './spread.js';

/** How long one way of bridging takes. */
export interface BridgeTimeFigures {
  readonly carrier: string;
  /** From the first packet of the session to the link at both routers, in seconds. */
  readonly seconds: Spread | undefined;
  readonly failures: readonly string[];
}

/** What programs take to be at work, in milliseconds. */
const settleMs = 3000;

const intro = `Both agents are at work when the first packet of a session is sent. Until both routers have the link; a round trip takes 120 ms over the public
peer and 40 directly.`;

/** Two agents that wait for a session: how soon it is bridged. */
export const bridgeTimeCase: BenchCase<readonly BridgeTimeFigures[]> = {
  name: 'time',
  title: 'How soon a session is bridged',
  intro,
  about: 'time from a session to its bridge',
  async measure(options) {
    const all = carriers(options)
      .filter(({ bridges }) => bridges)
      .map((carrier) => ({ carrier, seconds: [] as number[], failures: [] as string[] }));
    for (let round = 0; round < options.repeat; round++) {
      for (const { carrier, seconds, failures } of all) {
        try {
          seconds.push(await measureOnce(carrier));
        } catch (error) {
          failures.push((error as Error).message);
        }
        say(`round ${round + 1}, ${carrier.name}: ${seconds.at(-1)?.toFixed(2)} s, ${failures.length} failed`);
      }
    }
    return all.map(({ carrier, seconds, failures }) => ({ carrier: carrier.name, seconds: spreadOf(seconds), failures }));
  },
  section(figures) {
    const rows = figures.map(({ carrier, seconds, failures }) => [carrier, spreadText(seconds, 2), failures.length]);
    return markdownTable(['bridge by', ' seconds from the session to its bridge', ' runs failed'], rows);
  },
};

async function measureOnce(carrier: Carrier): Promise<number> {
  const lab = await Lab.create({ a: 'upnp', b: 'prc', links, router: routerConfig });
  try {
    await carrier.start(lab);
    await Promise.all([lab.settled(), delay(settleMs)]);
    const startedAt = performance.now();
    lab.a.pingStream(lab.b.router.address, { intervalMs: 100 });
    await untilPeered(lab);
    return (performance.now() - startedAt) / 1000;
  } finally {
    await lab.close();
  }
}
