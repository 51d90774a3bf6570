import type { FastifyInstance } from 'fastify';
import { createApp } from './app.js';
import { addMetricsRoute, type MetricsText } from './observation-routes.js';
import { relayOpenApi } from './open-api.js';
import type { RelayStatusReport } from './relay-schemas.js';

export interface RelayAppOptions {
  readonly status: () => RelayStatusReport;
  readonly metrics: MetricsText;
}

/** What a relay that runs on its own answers on its control socket. */
export function createRelayApp({ status, metrics }: RelayAppOptions): FastifyInstance {
  const app = createApp();
  app.get('/v1/status', async () => status());
  app.get('/v1/openapi.json', async () => relayOpenApi);
  addMetricsRoute(app, metrics);
  return app;
}

/** The metrics and nothing else: whoever else may ask is not told who uses the relay. */
export function createMetricsApp(metrics: MetricsText): FastifyInstance {
  const app = createApp();
  addMetricsRoute(app, metrics);
  return app;
}
