import { Duplex } from 'node:stream';

/** Two ends of one in-memory connection: what is written to one is read from the other, with half-close and backpressure. */
export function duplexPair(): [Duplex, Duplex] {
  const ends: [Duplex, Duplex] = [makeEnd(() => ends[1]), makeEnd(() => ends[0])];
  return ends;
}

function makeEnd(other: () => Duplex): Duplex {
  let resume: (() => void) | undefined;
  const end = new Duplex({
    allowHalfOpen: true,
    read() {
      const waiting = resume;
      resume = undefined;
      waiting?.();
    },
    write(chunk: Buffer, _encoding, done) {
      const target = other();
      if (target.destroyed) return done(Object.assign(new Error('the other end is gone'), { code: 'EPIPE' }));
      if (target.push(chunk)) done();
      else setResume(target, done);
      return undefined;
    },
    final(done) {
      if (!other().destroyed) other().push(null);
      done();
    },
    destroy(error, done) {
      const target = other();
      queueMicrotask(() => {
        if (!target.destroyed) target.destroy(error ? Object.assign(new Error('reset'), { code: 'ECONNRESET' }) : undefined);
      });
      done(error);
    },
  });
  resumes.set(end, (callback) => {
    resume = callback;
  });
  return end;
}

const resumes = new WeakMap<Duplex, (callback: () => void) => void>();

function setResume(stream: Duplex, callback: () => void): void {
  resumes.get(stream)?.(callback);
}
