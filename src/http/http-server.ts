import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { type ControlOptions, createControlApp } from '../control/control-app.js';
import type { MetricsText } from '../control/observation-routes.js';
import { createMetricsApp } from '../control/relay-app.js';
import { schemaVersion } from '../control/schemas.js';
import { addPageFiles } from './page-files.js';
import { type GuardOptions, refusalOf } from './request-guard.js';
import { securityHeaders } from './security-headers.js';
import { writeToken } from './token-file.js';

/** Connections at once; a browser that shows the page has up to six. */
const maxConnections = 64;

export interface HttpPlace {
  /** Port 0 takes any that is free. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Names to answer to, beside addresses and localhost. */
  readonly names: readonly string[];
}

export interface HttpOptions extends HttpPlace {
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
  try {
    const url = await serveGuarded(app, { listen, names, token, prepare: addPageFiles });
    return { url, close: async () => void (await Promise.all([app.close(), remove()])) };
  } catch (error) {
    await Promise.all([app.close(), remove()]);
    throw error;
  }
}

/** Serves metrics over TCP, and nothing else. @throws the system's error when it cannot listen */
export async function openMetricsHttp({
  listen,
  names,
  metrics,
}: HttpPlace & { readonly metrics: MetricsText }): Promise<HttpServer> {
  const app = createMetricsApp(metrics);
  try {
    return { url: await serveGuarded(app, { listen, names, token: undefined }), close: () => app.close() };
  } catch (error) {
    await app.close();
    throw error;
  }
}

/** @returns where a browser finds it */
async function serveGuarded(
  app: FastifyInstance,
  { listen, prepare, ...rules }: HttpPlace & GuardOptions & { readonly prepare?: (app: FastifyInstance) => Promise<void> },
): Promise<string> {
  guard(app, rules);
  app.server.maxConnections = maxConnections;
  await prepare?.(app);
  await app.listen(listen);
  const { address, family, port } = app.server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/`;
}

/** Before any route is looked at. */
function guard(app: FastifyInstance, rules: GuardOptions): void {
  app.addHook('onRequest', async ({ method, headers }, reply) => {
    void reply.headers(securityHeaders);
    const refused = refusalOf({ method, headers }, rules);
    if (refused) return reply.code(refused.status).send({ schemaVersion, error: refused.error });
    return undefined;
  });
}
