import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
// The preloaded runtime has to be that of the compiler which built the addon.
const compiler = process.env.CXX ?? 'g++';

describe('the addon under AddressSanitizer and UndefinedBehaviorSanitizer', () => {
  it('has no error in everything it can be made to do', { timeout: 180_000 }, () => {
    execFileSync(process.execPath, ['scripts/build-native.mjs', '--sanitize', 'address,undefined'], { cwd: root });
    const runtime = execFileSync(compiler, ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim();
    const run = spawnSync(process.execPath, ['--expose-gc', 'test/native/exercise.mjs', 'build/Sanitize/ratatoskr.node'], {
      cwd: root,
      encoding: 'utf8',
      env: {
        PATH: process.env.PATH,
        LD_PRELOAD: runtime,
        // Node itself leaves memory to the system at its end, so leaks cannot be told apart; everything else is fatal.
        ASAN_OPTIONS: 'detect_leaks=0:halt_on_error=1:exitcode=99',
        UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
      },
    });
    expect({ stderr: run.stderr, stdout: run.stdout, status: run.status }).toEqual({
      stderr: '',
      stdout: 'exercised\n',
      status: 0,
    });
  });
});
