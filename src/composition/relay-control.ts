import { maxTold, type RelayStatusReport } from '../control/relay-schemas.js';
import { schemaVersion } from '../control/schemas.js';
import type { Config } from '../core/config.js';
import type { Logger } from '../core/logger.js';
import { formatEndpoint } from '../discovery/candidates.js';
import { ownVersion } from '../own-package.js';
import type { StandaloneRelay } from '../relay/standalone.js';
import { OptionalServers } from './optional-servers.js';

export interface RelayControlParts {
  readonly relay: StandaloneRelay;
  readonly config: Pick<Config, 'runtimeDir' | 'http'>;
  readonly log: Logger;
  /** Wall clock, milliseconds. */
  readonly startedAt: number;
}

/** What answers `ratatoskr status` for a relay that runs on its own, and serves its metrics; it does without what cannot be had. Never rejects. */
export async function startRelayControl({ relay, config, log, startedAt }: RelayControlParts): Promise<OptionalServers> {
  const { createRelayApp } = await import('../control/relay-app.js');
  const { openControl } = await import('../control/control-server.js');
  const { RelayMetrics } = await import('../metrics/relay-metrics.js');
  const version = ownVersion();
  const about = { version, pid: process.pid, startedAt: new Date(startedAt).toISOString() };
  const report = () => ({ ...about, ...reportOf(relay) });
  const metrics = new RelayMetrics(version, report);
  const servers = new OptionalServers(log);
  const app = createRelayApp({ status: () => ({ schemaVersion, relay: report() }), metrics });
  await servers.add('control.failed', () => openControl(config.runtimeDir, app));
  const { listen, names } = config.http;
  if (listen !== 'off') {
    const { openMetricsHttp } = await import('../http/http-server.js');
    await servers.add('http.failed', async () => {
      const server = await openMetricsHttp({ listen, names, metrics });
      log.info('http.listening', { url: server.url });
      return server;
    });
  }
  return servers;
}

function reportOf(relay: StandaloneRelay): Omit<RelayStatusReport['relay'], 'version' | 'pid' | 'startedAt'> {
  const { server, local, places, identity, revoked, limits } = relay;
  return {
    listening: local.map(formatEndpoint),
    reached: places.map(({ host, port }) => formatEndpoint({ address: host, port })),
    identity,
    revoked: [...revoked],
    ...server.status,
    refusals: Object.fromEntries(server.refusals),
    users: server.users.slice(0, maxTold),
    limits,
  };
}
