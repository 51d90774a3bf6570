import { Crossing, type CrossingOptions } from '../crossing.js';
import { publicAddresses } from '../topology.js';

/** One-way delays in milliseconds: 120 for a round trip over the public peer, 40 without. */
const links = { a: 10, b: 10, p: 20 };
/** Half-way between the two: a ping that takes less has not gone over the public peer, in milliseconds. */
export const directRttMs = 80;

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
