import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Addon, loadAddon } from '../../src/native/addon.js';

/** The addon of the sources as they are now, so that no test passes on an old build. */
export function builtAddon(): Addon {
  execFileSync(process.execPath, [fileURLToPath(new URL('../../scripts/build-native.mjs', import.meta.url))]);
  const loaded = loadAddon({});
  if (loaded.addon) return loaded.addon;
  throw new Error(loaded.reason);
}
