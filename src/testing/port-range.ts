import type { SeededRandom } from './seeded-random.js';
import { systemError } from './system-error.js';

/** Ports that a host picks from by itself; Linux's default. */
const ephemeral = { first: 32_768, last: 60_999 };

/** A port that is free, at random. @throws EADDRNOTAVAIL when hardly any is */
export function pickPort(random: SeededRandom, isFree: (port: number) => boolean): number {
  for (let tries = 0; tries < 1000; tries++) {
    const port = random.integer(ephemeral.first, ephemeral.last);
    if (isFree(port)) return port;
  }
  throw systemError('EADDRNOTAVAIL', 'bind', 'no port is free');
}
