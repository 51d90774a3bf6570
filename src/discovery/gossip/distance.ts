import { sleep } from '../../core/clock.js';
import type { DiscoveryServices } from '../../core/discovery-source.js';
import type { Endpoint } from '../../core/net.js';
import { bindOverTcp } from '../stun/tcp-binding.js';

/** How long a relay may take to be reached, and to answer, in milliseconds. */
const timeoutMs = 2500;
/** Questions, and the pause between two, in milliseconds; the least of what they take counts. */
const questions = 3;
const pauseMs = 50;

/** Round trip to a relay in milliseconds, by STUN over TCP as relays answer it. @returns Infinity where it cannot be reached */
export async function distanceTo(
  remote: Endpoint,
  { net, clock, random }: Pick<DiscoveryServices, 'net' | 'clock' | 'random'>,
  signal: AbortSignal,
): Promise<number> {
  try {
    const stream = await net.connectTcp({ remote, timeoutMs, signal });
    stream.on('error', () => {});
    try {
      let least = Number.POSITIVE_INFINITY;
      for (let question = 0; question < questions; question++) {
        if (question > 0) await sleep(clock, pauseMs, signal);
        const askedAt = clock.now();
        await bindOverTcp(stream, { clock, random, timeoutMs, signal });
        least = Math.min(least, clock.now() - askedAt);
      }
      return least;
    } finally {
      stream.destroy();
    }
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
