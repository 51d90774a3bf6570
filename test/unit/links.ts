import { addressOf } from '../../src/core/overlay-address.js';
import { systemRandom } from '../../src/core/random.js';
import { greet } from '../../src/core/signalling/greeting.js';
import type { SignallingLink } from '../../src/core/signalling/link.js';
import { duplexPair } from './duplex-pair.js';
import { FakeClock } from './fake-clock.js';

/** Two keys, the lower first: its end controls. */
export const keys = ['11'.repeat(32), 'ee'.repeat(32)] as const;

export interface LinkedEnds {
  readonly clock: FakeClock;
  readonly controlling: SignallingLink;
  readonly controlled: SignallingLink;
}

const bothStrategies = ['first', 'second'];

/** Two agents that have said hello over an in-memory connection. */
export async function linkedEnds(
  strategies: [string[], string[]] = [bothStrategies, bothStrategies],
  features: [string[], string[]] = [[], []],
): Promise<LinkedEnds> {
  const clock = new FakeClock();
  const streams = duplexPair();
  const ends = keys.map((key, index) =>
    greet(streams[index as 0 | 1], {
      hello: {
        agent: '1.0.0',
        key,
        router: '0.5.14',
        strategies: strategies[index as 0 | 1],
        features: features[index as 0 | 1],
      },
      remote: addressOf(keys[index === 0 ? 1 : 0]),
      dialled: index === 0,
      clock,
      random: systemRandom,
      signal: new AbortController().signal,
      admit: () => {},
    }),
  );
  const [controlling, controlled] = (await Promise.all(ends)) as [SignallingLink, SignallingLink];
  return { clock, controlling, controlled };
}
