import path from 'node:path';
import { AgentError, describeError } from '../core/errors.js';
import type { Files } from '../core/files.js';
import type { Random } from '../core/random.js';

const form = /^[0-9a-f]{64}$/;

/**
 * What a relay derives its invites from: 32 bytes in the state folder, made at the first use. Without the file all invites are void.
 * @throws AgentError RELAY_SECRET_UNUSABLE
 */
export async function relaySecret(stateDir: string, { files, random }: { files: Files; random: Random }): Promise<Uint8Array> {
  const file = path.join(stateDir, 'relay-secret');
  try {
    await files.makeFolder(stateDir);
    const fresh = Buffer.from(random.bytes(32)).toString('hex');
    await files.create(file, `${fresh}\n`).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    const text = (await files.read(file)).trim();
    if (!form.test(text)) throw new Error('it does not hold 64 hex digits');
    return Buffer.from(text, 'hex');
  } catch (cause) {
    throw new AgentError('RELAY_SECRET_UNUSABLE', `${file} cannot be used: ${describeError(cause).message}.`, { cause });
  }
}
