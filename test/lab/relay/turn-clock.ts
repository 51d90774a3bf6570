import { execFile } from 'node:child_process';
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Host } from '../host.js';

const source = fileURLToPath(new URL('clock-ahead.cc', import.meta.url));

/** The clocks of a program on a host, which can be put forward while it runs. */
export class TurnClock {
  /** What to put before the program's arguments. */
  readonly command: readonly string[];
  private readonly file: string;

  private constructor(host: Host) {
    this.file = join(host.folder, 'clock-ahead');
    const inside = `${host.insideFolder}/clock-ahead`;
    this.command = ['env', `LD_PRELOAD=${inside}.so`, `CLOCK_AHEAD=${inside}`];
    writeFileSync(this.file, Buffer.alloc(8));
  }

  static async make(host: Host): Promise<TurnClock> {
    const flags = ['-std=c++17', '-O2', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC'];
    const clock = new TurnClock(host);
    await promisify(execFile)('c++', [...flags, '-o', `${clock.file}.so`, source]);
    return clock;
  }

  /** @param seconds ahead of the machine's */
  putForward(seconds: number): void {
    // In place: the program has mapped the file.
    const file = openSync(this.file, 'r+');
    writeSync(file, BigInt64Array.of(BigInt(seconds)));
    closeSync(file);
  }
}
