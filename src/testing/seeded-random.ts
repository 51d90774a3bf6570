import { createHash } from 'node:crypto';
import type { Random } from '../core/random.js';

/** The same numbers for the same seed (sfc32, by Chris Doty-Humphrey). Fit for simulations, not for secrets. */
export class SeededRandom implements Random {
  private readonly state: Uint32Array;

  constructor(private readonly seed: string) {
    const digest = createHash('sha256').update(seed).digest();
    this.state = Uint32Array.from([0, 4, 8], (offset) => digest.readUInt32LE(offset));
    this.state = Uint32Array.of(...this.state, 1);
    for (let round = 0; round < 12; round++) this.next();
  }

  /** A source of its own for a part of the whole, so that what one part draws does not change what another does. */
  fork(name: string): SeededRandom {
    return new SeededRandom(`${this.seed}/${name}`);
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.next() & 0xff);
  }

  fraction(): number {
    return this.next() / 2 ** 32;
  }

  /** Uniform from `first` to `last`, both included. */
  integer(first: number, last: number): number {
    return first + Math.floor(this.fraction() * (last - first + 1));
  }

  private next(): number {
    const { state } = this;
    const [a = 0, b = 0, c = 0, counter = 0] = state;
    const result = (a + b + counter) >>> 0;
    state[0] = b ^ (b >>> 9);
    state[1] = c + (c << 3);
    state[2] = ((c << 21) | (c >>> 11)) + result;
    state[3] = counter + 1;
    return result;
  }
}
