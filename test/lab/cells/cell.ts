import { Crossing, type CrossingOptions } from '../crossing.js';
import { links } from '../round-trips.js';
import { publicAddresses } from '../topology.js';

/** An agent with these strategies alone, the best first, and a second STUN server to compare with. */
export function only(...strategies: readonly string[]) {
  return { args: ['--strategies', strategies.join(','), '--stun', `${publicAddresses[1]}:3478`] };
}

/** Has two agents cross a laboratory of its own, and ends it whatever comes of them: tests that do so may run side by side. */
export async function inCell(options: CrossingOptions, use: (crossing: Crossing) => Promise<void>): Promise<void> {
  const crossing = await Crossing.prepare({ links, ...options });
  try {
    await use(crossing);
  } finally {
    await crossing.close();
  }
}
