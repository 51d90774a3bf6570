import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { replaceFile } from '../core/replace-file.js';

/** Name of the file in the runtime folder. */
const tokenFileName = 'http.token';

export interface TokenFile {
  /** 256 random bits, base64url. */
  readonly token: string;
  /** Idempotent. */
  remove(): Promise<void>;
}

/** Writes a fresh token into the runtime folder, for its owner alone. @throws the system's error */
export async function writeToken(runtimeDir: string): Promise<TokenFile> {
  const token = randomBytes(32).toString('base64url');
  const file = path.join(runtimeDir, tokenFileName);
  await replaceFile(file, `${token}\n`);
  return { token, remove: () => rm(file, { force: true }) };
}
