import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** Where built and fetched tools are kept: $RATATOSKR_CACHE, else ratatoskr/ in the user's cache folder. */
export function cacheFolder() {
  const { RATATOSKR_CACHE, XDG_CACHE_HOME } = process.env;
  return RATATOSKR_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'ratatoskr');
}

/**
 * Puts a file or folder into the cache under `name` in one step, so that no one ever sees half of it.
 * @param make called with a fresh folder; returns the path in it that is to become the entry
 * @returns the entry's path
 */
export async function putIntoCache(name, make) {
  const entry = join(cacheFolder(), name);
  mkdirSync(dirname(entry), { recursive: true });
  const fresh = mkdtempSync(join(cacheFolder(), '.new-'));
  try {
    const made = await make(fresh);
    try {
      renameSync(made, entry);
    } catch (error) {
      // A folder another set-up has put there in the meantime is as good as ours.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    }
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return entry;
}
