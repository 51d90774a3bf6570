import { randomBytes } from 'node:crypto';

/** Randomness behind a port, so that a seeded source makes a run repeatable. */
export interface Random {
  /** Bytes fit for secrets. */
  bytes(length: number): Uint8Array;
  /** Uniform in [0, 1), for jitter. */
  fraction(): number;
}

export const systemRandom: Random = {
  bytes: (length) => randomBytes(length),
  fraction: () => Math.random(),
};
