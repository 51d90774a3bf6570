import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { type ControlOptions, createControlApp } from '../control/control-server.js';
import { schemaVersion } from '../control/schemas.js';
import { addPageFiles } from './page-files.js';
import { refusalOf } from './request-guard.js';
import { securityHeaders } from './security-headers.js';
import { writeToken } from './token-file.js';

/** Connections at once; a browser that shows the page has up to six. */
const maxConnections = 64;

export interface HttpOptions {
  /** Port 0 takes any that is free. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Names to answer to, beside addresses and localhost. */
  readonly names: readonly string[];
  readonly runtimeDir: string;
  readonly control: ControlOptions;
}

export interface HttpServer {
  /** Where a browser finds it. */
  readonly url: string;
  /** Ends every conversation. Idempotent. */
  close(): Promise<void>;
}

/** Serves the status page, the metrics and the control API over TCP. @throws the system's error when it cannot listen */
export async function openHttp({ listen, names, runtimeDir, control }: HttpOptions): Promise<HttpServer> {
  const { token, remove } = await writeToken(runtimeDir);
  const app = createControlApp(control);
  guard(app, { names, token });
  app.server.maxConnections = maxConnections;
  try {
    await addPageFiles(app);
    await app.listen(listen);
  } catch (error) {
    await Promise.all([app.close(), remove()]);
    throw error;
  }
  const { address, family, port } = app.server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/`,
    async close() {
      await Promise.all([app.close(), remove()]);
    },
  };
}

/** Before any route is looked at. */
function guard(app: FastifyInstance, rules: { readonly names: readonly string[]; readonly token: string }): void {
  app.addHook('onRequest', async ({ method, headers }, reply) => {
    void reply.headers(securityHeaders);
    const refused = refusalOf({ method, headers }, rules);
    if (refused) return reply.code(refused.status).send({ schemaVersion, error: refused.error });
    return undefined;
  });
}
