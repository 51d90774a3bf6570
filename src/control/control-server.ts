import { chmod, rm } from 'node:fs/promises';
import path from 'node:path';
import type { FastifyInstance } from 'fastify';
import { controlSocketName } from './control-socket.js';

export interface ControlServer {
  /** Ends every conversation and removes the socket. */
  close(): Promise<void>;
}

/** Has an application answer over HTTP on a unix socket that is its owner's alone. @throws Error when it cannot listen */
export async function openControl(runtimeDir: string, app: FastifyInstance): Promise<ControlServer> {
  const file = path.join(runtimeDir, controlSocketName);
  // The folder's lock is ours: whoever left it is gone.
  await rm(file, { force: true });
  await app.listen({ path: file });
  await chmod(file, 0o600);
  return {
    async close() {
      await app.close();
      await rm(file, { force: true });
    },
  };
}
