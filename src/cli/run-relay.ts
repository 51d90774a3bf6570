import path from 'node:path';
import type { OptionalServers } from '../composition/optional-servers.js';
import { startRelayControl } from '../composition/relay-control.js';
import { systemClock } from '../core/clock.js';
import type { ConfigOverride } from '../core/config.js';
import { type Files, systemFiles } from '../core/files.js';
import type { Net } from '../core/net.js';
import { type Random, systemRandom } from '../core/random.js';
import type { ReliableUdp } from '../core/reliable-udp.js';
import { type RunLock, takeRunLock } from '../core/run-lock.js';
import { formatEndpoint } from '../discovery/candidates.js';
import { loadAddon } from '../native/addon.js';
import { createSystemNet } from '../native/system-net.js';
import { createUdx } from '../native/udx/create-udx.js';
import { inviteUris, StandaloneRelay } from '../relay/standalone.js';
import { ConfigReader, type ConfigSource } from './config-source.js';
import type { InviteOptions, RelayOptions } from './relay.js';
import { type ServingSurroundings, serveUntilStopped } from './serve-until-stopped.js';

export interface RelaySurroundings extends ServingSurroundings {
  readonly net: Pick<Net, 'bindUdp' | 'listenTcp' | 'tune' | 'connectTcp' | 'interfaces'>;
  /** @default none: then agents come over TCP alone */
  readonly reliableUdp?: ReliableUdp | undefined;
  readonly random: Random;
  readonly files: Files;
  readonly source: Pick<ConfigSource, 'env' | 'uid' | 'stdin'>;
}

/** `ratatoskr relay` until a signal ends it. @returns the exit code @throws ConfigError, AgentError RELAY_SECRET_UNUSABLE, RELAY_LISTEN_FAILED, ALREADY_RUNNING, RUNTIME_DIR_UNUSABLE */
export async function runRelay(options: RelayOptions, surroundings: RelaySurroundings = machine()): Promise<number> {
  const { net, reliableUdp, clock, random, files, source } = surroundings;
  const { listen, revoke = [], runtimeDir, http, httpExposed, logLevel, logFormat } = options;
  const { config: read } = await new ConfigReader({
    ...source,
    file: options.config,
    overrides: [
      ...stateOverride(options),
      { path: ['runtimeDir'], value: runtimeDir, origin: '--runtime-dir' },
      // What the file says of HTTP is an agent's, which may run beside this relay.
      { path: ['http', 'listen'], value: http ?? 'off', origin: '--http' },
      { path: ['http', 'exposed'], value: httpExposed, origin: '--http-exposed' },
      { path: ['log', 'level'], value: logLevel, origin: '--log-level' },
      { path: ['log', 'format'], value: logFormat, origin: '--log-format' },
    ].filter(({ value }) => value !== undefined),
  }).read();
  // And so is the folder: one of them has to be somewhere else.
  const config = { ...read, runtimeDir: runtimeDir === undefined ? path.join(read.runtimeDir, 'relay') : read.runtimeDir };
  return await serveUntilStopped('relay', config.log, surroundings, async (log, stopped) => {
    let lock: RunLock | undefined;
    let relay: StandaloneRelay | undefined;
    let control: OptionalServers | undefined;
    try {
      lock = await takeRunLock(config.runtimeDir, files);
      const revoked = new Set(revoke);
      relay = await StandaloneRelay.open({
        ...{ net, reliableUdp, clock, random, files, log, revoked, config },
        ...(listen && { listen }),
      });
      control = await startRelayControl({ relay, config, log, startedAt: clock.wallTime() });
      log.info('relay.ready', { places: relay.local.map(formatEndpoint) });
      await stopped;
      log.info('relay.status', { ...relay.status });
    } finally {
      await control?.close();
      await relay?.close();
      await lock?.release();
    }
  });
}

/** `ratatoskr relay invite`. @throws ConfigError, AgentError RELAY_SECRET_UNUSABLE, RELAY_PLACE_MISSING */
export async function printInvite(
  name: string,
  options: InviteOptions,
  { net, random, files, out, source }: Omit<RelaySurroundings, 'host' | 'clock'> = machine(),
): Promise<void> {
  const { config } = await new ConfigReader({ ...source, file: options.config, overrides: stateOverride(options) }).read();
  for (const uri of await inviteUris(name, { net, random, files, config }, options.advertise)) out(`${uri}\n`);
}

/** Of the commands for a public host. */
export function stateOverride({ stateDir }: { readonly stateDir?: string }): ConfigOverride[] {
  return stateDir === undefined ? [] : [{ path: ['stateDir'], value: stateDir, origin: '--state-dir' }];
}

/** What a command runs on outside of tests. */
export function machine(): RelaySurroundings {
  return {
    net: createSystemNet(loadAddon()),
    reliableUdp: createUdx({ clock: systemClock, random: systemRandom }).udp,
    clock: systemClock,
    random: systemRandom,
    files: systemFiles,
    source: { env: process.env, uid: process.getuid?.(), stdin: process.stdin },
    host: process,
    out: (text) => process.stdout.write(text),
  };
}
