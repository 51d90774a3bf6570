import { Duplex } from 'node:stream';
import { asPath, type Path } from '../../src/core/strategy.js';

export interface Wrapping {
  /** What becomes of a chunk that came in. */
  readonly inbound?: (chunk: Buffer) => readonly Buffer[];
  /** Ends the other direction when one has ended. */
  readonly endsBoth?: boolean;
  /** Keeps to itself that the other end has ended. */
  readonly hidesTheEnd?: boolean;
  /** Takes whatever is written at once. */
  readonly takesAll?: boolean;
  /** Says farewell and waits for an answer, where it should let go. */
  readonly waitsForFarewell?: boolean;
}

/** A path within another, with something wrong about it. */
export function wrapped(path: Path, { inbound = (chunk) => [chunk], ...flaws }: Wrapping): Path {
  const waiting: Buffer[] = [];
  const pour = () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) if (!path.write(next)) return;
  };
  path.on('drain', pour);
  const outer = new Duplex({
    allowHalfOpen: !flaws.endsBoth,
    read() {
      path.resume();
    },
    write(chunk: Buffer, _encoding, done) {
      if (flaws.takesAll) {
        waiting.push(chunk);
        if (!path.writableNeedDrain) pour();
        done();
      } else if (path.write(chunk)) done();
      else path.once('drain', () => done());
    },
    final(done) {
      path.end();
      done();
    },
    destroy(error, done) {
      if (flaws.waitsForFarewell && !path.readableEnded) {
        path.resume();
        path.end();
      } else path.destroy();
      done(error);
    },
  });
  path.on('data', (chunk: Buffer) => {
    for (const part of inbound(chunk)) if (!outer.push(part)) path.pause();
  });
  path.pause();
  if (!flaws.hidesTheEnd) {
    path.on('end', () => outer.push(null));
    path.on('close', () => outer.destroyed || path.readableEnded || outer.destroy());
  }
  return asPath(outer, path.info);
}
