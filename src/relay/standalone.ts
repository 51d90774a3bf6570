import { isIPv6 } from 'node:net';
import { deriveKey } from '../core/attempt-secret.js';
import { type Clock, every, type Timer } from '../core/clock.js';
import { formatRelayUri } from '../core/config/relay-uri.js';
import type { Config } from '../core/config.js';
import type { Files } from '../core/files.js';
import type { Logger } from '../core/logger.js';
import type { Endpoint, Net } from '../core/net.js';
import type { Random } from '../core/random.js';
import type { ReliableUdp } from '../core/reliable-udp.js';
import { inviteFor, keyOfInvite, nameInIdentity, ownerOf } from './invite.js';
import { invitedPlaces, type Place } from './invited-places.js';
import { limitsOf } from './limits.js';
import { publicAddresses } from './public-addresses.js';
import { relaySecret } from './relay-secret.js';
import { type RelayLimits, RelayServer, type RelayStatus } from './server/relay-server.js';

/** Pause between two lines that tell how the relay does, in milliseconds. */
const statusMs = 60_000;

export interface StandaloneOptions {
  readonly net: Pick<Net, 'listenTcp' | 'bindUdp' | 'tune' | 'interfaces' | 'connectTcp'>;
  /** What makes streams of datagrams, where there is such a thing. */
  readonly reliableUdp?: ReliableUdp | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Files;
  readonly log: Logger;
  /** @default every address of both IP versions, at the port of the configuration */
  readonly listen?: readonly Endpoint[];
  /** Names whose invites no longer count. */
  readonly revoked: ReadonlySet<string>;
  readonly config: Pick<Config, 'stateDir' | 'relay'>;
}

/** A relay that needs no router and no agent: who has one of its invites may reserve places, within the limits of a volunteer's. */
export class StandaloneRelay {
  private readonly telling: Timer;

  private constructor(
    readonly server: RelayServer,
    /** Tells its secret from another without giving it away. */
    readonly identity: string,
    private readonly options: StandaloneOptions,
  ) {
    this.telling = every(options.clock, statusMs, () => options.log.info('relay.status', { ...this.status }));
  }

  /** Resolves when it listens. @throws AgentError RELAY_SECRET_UNUSABLE, RELAY_LISTEN_FAILED */
  static async open(options: StandaloneOptions): Promise<StandaloneRelay> {
    const { net, reliableUdp, clock, random, files, log, listen, revoked, config } = options;
    const secret = await relaySecret(config.stateDir, { files, random });
    const { volunteer } = config.relay;
    const server = await RelayServer.open({
      ...{ net, reliableUdp, clock, random, log },
      listen: listen ?? ['0.0.0.0', '::'].map((address) => ({ address, port: volunteer.port })),
      datagrams: true,
      limits: limitsOf(volunteer),
      invited: (identity) => {
        const name = nameInIdentity(identity);
        if (name === undefined) return undefined;
        const { host, owner } = ownerOf(name);
        return revoked.has(host) ? undefined : { owner, key: keyOfInvite(inviteFor(name, secret)).key };
      },
    });
    return new StandaloneRelay(server, Buffer.from(deriveKey(secret, 'relay name', 16)).toString('hex'), options);
  }

  get local(): readonly Endpoint[] {
    return this.server.local;
  }

  /** Where it is reached: what the configuration says, or else the machine's public addresses as far as it listens there. */
  get places(): readonly Place[] {
    const { net, config } = this.options;
    const listens = (host: string) =>
      this.local.filter(({ address }) => address === host || address === (isIPv6(host) ? '::' : '0.0.0.0'));
    return advertised(config) ?? publicAddresses(net).flatMap((host) => listens(host).map(({ port }) => ({ host, port })));
  }

  get revoked(): ReadonlySet<string> {
    return this.options.revoked;
  }

  get limits(): RelayLimits {
    return limitsOf(this.options.config.relay.volunteer);
  }

  get status(): RelayStatus {
    return this.server.status;
  }

  /** Ends every circuit and gives the ports back. Idempotent. */
  async close(): Promise<void> {
    this.telling.cancel();
    await this.server.close();
  }
}

/**
 * Invites to a relay, as URIs for the agents' configuration: one for each place where it is reached.
 * @param places undefined takes those of the configuration, or else the machine's public addresses
 * @throws AgentError RELAY_SECRET_UNUSABLE, RELAY_PLACE_MISSING
 */
export async function inviteUris(
  name: string,
  {
    net,
    random,
    files,
    config,
  }: Pick<StandaloneOptions, 'random' | 'files' | 'config'> & { readonly net: Pick<Net, 'interfaces'> },
  places?: readonly Place[],
): Promise<readonly string[]> {
  const reached = invitedPlaces(places ?? advertised(config), config.relay.volunteer.port, net);
  const invite = inviteFor(name, await relaySecret(config.stateDir, { files, random }));
  return reached.map((place) => formatRelayUri({ ...place, ...invite }));
}

/** Undefined where the configuration names no place. */
function advertised({ relay }: Pick<Config, 'relay'>): readonly Place[] | undefined {
  const { advertise } = relay.volunteer;
  return advertise.length === 0 ? undefined : advertise.map(({ address: host, port }) => ({ host, port }));
}
