import { formatEndpoint } from '../discovery/candidates.js';
import { coordinatorUris, StandaloneCoordinator } from '../relay/coordinator/standalone.js';
import { ConfigReader } from './config-source.js';
import type { CoordinatorInviteOptions, CoordinatorOptions } from './coordinator.js';
import { machine, type RelaySurroundings, stateOverride } from './run-relay.js';
import { serveUntilStopped } from './serve-until-stopped.js';

/** `ratatoskr coordinator` until a signal ends it. @returns the exit code @throws ConfigError, AgentError RELAY_SECRET_UNUSABLE, COORDINATOR_LISTEN_FAILED */
export async function runCoordinator(options: CoordinatorOptions, surroundings: RelaySurroundings = machine()): Promise<number> {
  const { net, clock, random, files, source } = surroundings;
  const { listen, revoke = [], logLevel, logFormat } = options;
  const { config } = await new ConfigReader({
    ...source,
    file: options.config,
    overrides: [
      ...stateOverride(options),
      { path: ['log', 'level'], value: logLevel, origin: '--log-level' },
      { path: ['log', 'format'], value: logFormat, origin: '--log-format' },
    ].filter(({ value }) => value !== undefined),
  }).read();
  return await serveUntilStopped('coordinator', config.log, surroundings, async (log, stopped) => {
    const revoked = new Set(revoke);
    const coordinator = await StandaloneCoordinator.open({
      ...{ net, clock, random, files, log, revoked, config },
      ...(listen && { listen }),
    });
    try {
      log.info('coordinator.ready', { places: coordinator.local.map(formatEndpoint) });
      await stopped;
      log.info('coordinator.status', { ...coordinator.status });
    } finally {
      await coordinator.close();
    }
  });
}

/** `ratatoskr coordinator invite`. @throws ConfigError, AgentError RELAY_SECRET_UNUSABLE, RELAY_PLACE_MISSING */
export async function printCoordinatorInvite(
  key: string,
  options: CoordinatorInviteOptions,
  { net, random, files, out, source }: Omit<RelaySurroundings, 'host' | 'clock'> = machine(),
): Promise<void> {
  const { config } = await new ConfigReader({ ...source, file: options.config, overrides: stateOverride(options) }).read();
  for (const uri of await coordinatorUris(key, { net, random, files, config }, options.advertise)) out(`${uri}\n`);
}
