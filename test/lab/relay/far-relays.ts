import { Lab } from '../lab.js';
import { RelayProcess } from './relay-process.js';

/** As the relays see the two sites. */
const sites = { a: '20.0.1.2', b: '20.0.2.2' };
/** Where the relays are. */
const addresses = ['20.0.9.11', '20.0.9.12', '20.0.9.13'];

/** Milliseconds from a site to a relay and back from it. */
interface Line {
  readonly toMs: number;
  readonly fromMs: number;
}
export type Lines = Readonly<Record<keyof typeof sites, Line>>;

export const line = (toMs: number, fromMs = toMs): Line => ({ toMs, fromMs });

/**
 * From a to b the first takes 60 ms and the others 360 and 120; from b to a the second takes 60 and the others 360 and 120. Out over
 * the first and back over the second is the optimum, with 120.
 */
export const opposite: readonly Lines[] = [
  { a: line(30, 180), b: line(180, 30) },
  { a: line(180, 30), b: line(30, 180) },
  { a: line(60), b: line(60) },
];

/** A laboratory whose relays are that far from the two sites, and their invites. */
export async function labWithRelays(lines: readonly Lines[]) {
  const flows = lines.flatMap((ofSites, index) =>
    (['a', 'b'] as const).flatMap((site) => {
      const [from, to] = [sites[site], addresses[index] ?? ''];
      return [
        { from, to, delayMs: ofSites[site].toMs },
        { from: to, to: from, delayMs: ofSites[site].fromMs },
      ];
    }),
  );
  const made = await Lab.create({ a: 'sym', b: 'sym', turn: false, controlling: 'a', links: { p: { delayMs: 0, flows } } });
  try {
    const relays = await Promise.all(
      lines.map(async (_, index) => {
        await made.p.exec(['ip', 'address', 'add', `${addresses[index]}/24`, 'dev', 'wan']);
        return RelayProcess.start(made.p, `${addresses[index]}:4711`);
      }),
    );
    const servers = await Promise.all(relays.map((relay) => relay.invite('lab')));
    return { made, relays, servers };
  } catch (error) {
    await made.close();
    throw error;
  }
}
