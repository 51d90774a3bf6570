import { Duplex } from 'node:stream';
import type { Clock } from '../../core/clock.js';

/** What carries signalling between the two ends: a connection with a delay, that can fall silent. */
export interface OverlayLine {
  readonly ends: readonly [Duplex, Duplex];
  /** Nothing arrives any more, and nobody is told. */
  silence(): void;
}

/** @param delayMs one way */
export function overlayLine(clock: Clock, delayMs: number): OverlayLine {
  let silent = false;
  const end = (other: () => Duplex): Duplex =>
    new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        clock.setTimer(delayMs, () => {
          if (!silent && !other().destroyed) other().push(chunk);
        });
        done();
      },
      final(done) {
        clock.setTimer(delayMs, () => {
          if (!silent && !other().destroyed) other().push(null);
        });
        done();
      },
    });
  const ends: [Duplex, Duplex] = [end(() => ends[1]), end(() => ends[0])];
  return {
    ends,
    silence() {
      silent = true;
    },
  };
}
