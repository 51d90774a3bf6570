import { type Duplex, Transform } from 'node:stream';
import { finished } from 'node:stream/promises';

/**
 * Joins two streams until both directions have ended; when one breaks, the other does. What is read waits for `spend` before it is
 * passed on, so a slow reader, or a rate, is felt at the far end.
 * @param spend resolves when so many bytes may go; its rejection breaks both
 * @throws what broke them
 */
export async function splice(one: Duplex, other: Duplex, spend: (bytes: number) => Promise<void>): Promise<void> {
  const meters = [new Transform(metered(spend)), new Transform(metered(spend))] as const;
  one.pipe(meters[0]).pipe(other);
  other.pipe(meters[1]).pipe(one);
  try {
    await Promise.all([one, other, ...meters].map((stream) => finished(stream)));
  } finally {
    for (const stream of [one, other, ...meters]) stream.destroy();
  }
}

function metered(spend: (bytes: number) => Promise<void>): ConstructorParameters<typeof Transform>[0] {
  return {
    highWaterMark: 16 * 1024,
    transform: (chunk: Buffer, _encoding, done) => {
      spend(chunk.length).then(() => done(null, chunk), done);
    },
  };
}
