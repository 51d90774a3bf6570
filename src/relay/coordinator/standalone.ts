import { type Clock, every, type Timer } from '../../core/clock.js';
import { formatCoordinatorUri } from '../../core/config/coordinator-uri.js';
import type { Config } from '../../core/config.js';
import type { Files } from '../../core/files.js';
import type { Logger } from '../../core/logger.js';
import type { Endpoint, Net } from '../../core/net.js';
import type { Random } from '../../core/random.js';
import { invitedPlaces, type Place } from '../invited-places.js';
import { relaySecret } from '../relay-secret.js';
import { CoordinatorServer, type CoordinatorStatus } from './coordinator-server.js';
import { coordinatorToken } from './invite.js';

/** TCP port where a coordinator listens unless it is told another. */
const coordinatorPort = 4705;
/** Pause between two lines that tell how the coordinator does, in milliseconds. */
const statusMs = 60_000;

export interface StandaloneCoordinatorOptions {
  readonly net: Pick<Net, 'listenTcp'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Files;
  readonly log: Logger;
  /** @default every address of both IP versions, at port 4705 */
  readonly listen?: readonly Endpoint[];
  /** Keys whose invites no longer count. */
  readonly revoked: ReadonlySet<string>;
  readonly config: Pick<Config, 'stateDir'>;
}

/** A coordinator that needs no router and no agent: it serves whoever has one of its invites. */
export class StandaloneCoordinator {
  private readonly telling: Timer;

  private constructor(
    private readonly server: CoordinatorServer,
    options: Pick<StandaloneCoordinatorOptions, 'clock' | 'log'>,
  ) {
    this.telling = every(options.clock, statusMs, () => options.log.info('coordinator.status', { ...this.status }));
  }

  /** Resolves when it listens. @throws AgentError RELAY_SECRET_UNUSABLE, COORDINATOR_LISTEN_FAILED */
  static async open(options: StandaloneCoordinatorOptions): Promise<StandaloneCoordinator> {
    const { net, clock, random, files, log, revoked, config } = options;
    const { listen = ['0.0.0.0', '::'].map((address) => ({ address, port: coordinatorPort })) } = options;
    const secret = await relaySecret(config.stateDir, { files, random });
    return new StandaloneCoordinator(await CoordinatorServer.open({ net, clock, log, listen, secret, revoked }), { clock, log });
  }

  get local(): readonly Endpoint[] {
    return this.server.local;
  }

  get status(): CoordinatorStatus {
    return this.server.status;
  }

  /** Ends every connection and gives the ports back. Idempotent. */
  async close(): Promise<void> {
    this.telling.cancel();
    await this.server.close();
  }
}

/**
 * Invites for one agent, as URIs for its configuration: one for each place where the coordinator is reached.
 * @param key public key of its router, 64 lower-case hex digits
 * @param places undefined takes the machine's public addresses
 * @throws AgentError RELAY_SECRET_UNUSABLE, RELAY_PLACE_MISSING
 */
export async function coordinatorUris(
  key: string,
  {
    net,
    random,
    files,
    config,
  }: Pick<StandaloneCoordinatorOptions, 'random' | 'files' | 'config'> & { net: Pick<Net, 'interfaces'> },
  places?: readonly Place[],
): Promise<readonly string[]> {
  const reached = invitedPlaces(places, coordinatorPort, net);
  const token = coordinatorToken(key, await relaySecret(config.stateDir, { files, random }));
  return reached.map((place) => formatCoordinatorUri({ ...place, key, token }));
}
