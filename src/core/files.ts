import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { replaceFile } from './replace-file.js';

/** The few things that the agent does with files, behind a port. Failures reject with an Error whose `code` is the system's name for it. */
export interface Files {
  read(path: string): Promise<string>;
  /** Replaces a private file as a whole: after a crash it holds either the old text or the new one. */
  replace(path: string, text: string): Promise<void>;
  /** Makes a private file that must not be there yet; else the code is EEXIST. */
  create(path: string, text: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Succeeds when it is gone already. */
  remove(path: string): Promise<void>;
  /** Names in a folder. */
  list(folder: string): Promise<readonly string[]>;
  /** Makes a private folder, and those above it, unless they are there. */
  makeFolder(path: string): Promise<void>;
}

export const systemFiles: Files = {
  read: (path) => readFile(path, 'utf8'),
  replace: replaceFile,
  async create(path, text) {
    const handle = await open(path, 'wx', 0o600);
    try {
      await handle.writeFile(text);
    } finally {
      await handle.close();
    }
  },
  rename,
  remove: (path) => rm(path, { force: true }),
  list: readdir,
  async makeFolder(path) {
    await mkdir(path, { recursive: true, mode: 0o700 });
  },
};
