import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder, putIntoCache } from './cache.mjs';
import { run } from './step.mjs';

const source = fileURLToPath(new URL('../../test/lab/link-emulator.cc', import.meta.url));

/** Path of the laboratory's link emulator, compiled on first use. */
export async function findLinkEmulator() {
  const key = createHash('sha256').update(readFileSync(source)).update(process.arch).digest('hex').slice(0, 12);
  const entry = `link-emulator-${key}`;
  if (existsSync(join(cacheFolder(), entry))) return join(cacheFolder(), entry);
  return putIntoCache(entry, (folder) => {
    const output = join(folder, 'link-emulator');
    run('c++', ['-std=c++17', '-O2', '-Wall', '-Wextra', '-Werror', '-o', output, source]);
    return output;
  });
}
