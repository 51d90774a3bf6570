import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, putIntoCache } from './cache.mjs';
import { say } from './step.mjs';
import { unpackWheel } from './wheel.mjs';

/** Zig's own builds on PyPI. This version and no other, so that what users get is made by one compiler. */
const wheel = {
  project: 'ziglang',
  version: '0.17.0',
  part: 'ziglang',
  runnable: /^ziglang\/zig$/,
  mend: 'It cross compiles the native addon; `npm run build` makes it for this machine without.',
};

/** Folder of the zig program, fetched into the cache when it is not there. */
export async function findZig() {
  const entry = `zig-${wheel.version}`;
  if (!existsSync(join(cacheFolder(), entry))) {
    say(`fetching zig ${wheel.version} (100 MB), needed once to cross compile`);
    await putIntoCache(entry, (folder) => unpackWheel(wheel, folder));
  }
  return join(cacheFolder(), entry);
}
