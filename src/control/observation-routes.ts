import type { FastifyInstance } from 'fastify';
import type { NetworkReport, Traffic } from './observation-schemas.js';
import type { StatusBook } from './status-book.js';
import type { StrategyRecord } from './strategy-record.js';

/** What dashboards and the status page look at, beside the status. */
export interface Observation {
  readonly strategies: Pick<StrategyRecord, 'report'>;
  /** @param since milliseconds since 1970 */
  readonly traffic: { report(since?: number): Traffic };
  /** Examines the network unless that was done a short while ago. */
  readonly network: () => Promise<NetworkReport>;
  readonly metrics: MetricsText;
}

/** Metrics in the format of Prometheus. */
export interface MetricsText {
  readonly contentType: string;
  text(): Promise<string>;
}

export function addObservationRoutes(app: FastifyInstance, book: StatusBook, observation: Observation): void {
  const { strategies, traffic, network, metrics } = observation;
  app.get('/v1/attempts', async () => book.recentAttempts());
  app.get('/v1/strategies', async () => strategies.report());
  app.get<{ Querystring: { since?: string } }>('/v1/traffic', async ({ query: { since } }) => {
    return traffic.report(Number(since) || 0);
  });
  app.get('/v1/network', async () => await network());
  addMetricsRoute(app, metrics);
}

export function addMetricsRoute(app: FastifyInstance, metrics: MetricsText): void {
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()));
}
