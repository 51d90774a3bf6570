import type { Path } from '../../../core/strategy.js';
import { Breach } from '../breach.js';
import { drained, payload, receive, sha256 } from '../payload.js';
import type { Rule } from '../rule.js';
import type { Trial } from '../trial.js';

/** More than this under way is no window any more: the kernel's largest buffers at both ends have room in it. */
const limitBytes = 32 * 1024 * 1024;
const pieceBytes = 64 * 1024;
/** A writer that has waited so long, in milliseconds, is held back. */
const stalledMs = 3000;

export const holdsWritersBack: Rule = {
  name: 'holds a writer back while nobody reads, in bounded memory',
  why: 'A router that is slower than the path would otherwise fill the agent’s memory.',
  async check(trial) {
    const { controlling, controlled } = await trial.openPath();
    const data = payload(limitBytes);
    const written = await fill(controlling, data, trial);
    if (controlled.readableLength > controlled.readableHighWaterMark * 4 + 1024 * 1024) {
      throw new Breach('an end that does not read keeps little', `it keeps ${controlled.readableLength} bytes`);
    }
    const received = await trial.within(receive(controlled, written), 60_000, 'all that was written arrives when it is read');
    if (sha256(received) !== sha256(data.subarray(0, written))) {
      throw new Breach('what was written arrives unharmed', 'it arrived otherwise');
    }
  },
};

/** Writes until nothing goes any more. @returns the bytes written */
async function fill(path: Path, data: Buffer, trial: Trial): Promise<number> {
  for (let at = 0; at < data.length; at += pieceBytes) {
    const goesOn = path.write(data.subarray(at, at + pieceBytes));
    if (goesOn) continue;
    const draining = drained(path);
    const stalled = await Promise.race([draining.then(() => false), trial.sleep(stalledMs).then(() => true)]);
    draining.catch(() => {});
    if (stalled) return Math.min(at + pieceBytes, data.length);
  }
  throw new Breach(
    `write returns false, and no drain follows, before ${limitBytes >> 20} MiB are under way to an end that does not read`,
    `it took ${limitBytes >> 20} MiB`,
  );
}
