import type { Clock } from '../core/clock.js';
import { permits } from '../core/config/permits.js';
import type { Config } from '../core/config.js';
import { describeError, StrategyError } from '../core/errors.js';
import type { Logger } from '../core/logger.js';
import type { Net } from '../core/net.js';
import type { OfferedServices } from '../core/peer-services.js';
import type { Random } from '../core/random.js';
import type { RelayTickets } from '../core/relay-tickets.js';
import { formatEndpoint } from '../discovery/candidates.js';
import { limitsOf } from './limits.js';
import { publicAddresses } from './public-addresses.js';
import { RelayServer } from './server/relay-server.js';

export interface VolunteerServices {
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly offered: Pick<OfferedServices, 'offer'>;
  readonly tickets: RelayTickets;
  /** The configuration in force; who may relay is looked up at each request, the rest at the start. */
  readonly settings: { readonly current: Pick<Config, 'relay'> };
}

/** The relay of an agent that volunteers: offered to its peers, and open to those who are allowed. */
export class Volunteer {
  private server: RelayServer | undefined;

  constructor(private readonly services: VolunteerServices) {}

  /** Relays from now on, if the configuration says so and the internet can reach this machine. Never rejects. */
  async start(): Promise<void> {
    const { net, clock, random, log, offered, tickets, settings } = this.services;
    const { volunteer } = settings.current.relay;
    if (!volunteer.enabled) return;
    const places = [...volunteer.advertise, ...publicAddresses(net).map((address) => ({ address, port: volunteer.port }))];
    if (places.length === 0) {
      log.warn('relay.unreachable', { help: 'Name where others reach this relay in relay.volunteer.advertise.' });
      return;
    }
    try {
      const listen = ['0.0.0.0', '::'].map((address) => ({ address, port: volunteer.port }));
      const server = await RelayServer.open({ net, clock, random, log, listen, limits: limitsOf(volunteer) });
      this.server = server;
      tickets.grant = (peer) => {
        if (!permits({ allow: settings.current.relay.volunteer.allow, deny: [] }, peer)) {
          throw new StrategyError('RELAY_NOT_ALLOWED', 'This relay does not serve this peer.');
        }
        return server.issueTicket(peer.key);
      };
      offered.offer('relay', places);
      log.info('relay.volunteering', { places: places.map(formatEndpoint) });
    } catch (error) {
      log.error('relay.volunteer-failed', { ...describeError(error) });
    }
  }

  /** Takes the offer back and ends every circuit. Idempotent. */
  async close(): Promise<void> {
    this.services.offered.offer('relay', []);
    this.services.tickets.grant = undefined;
    await this.server?.close();
  }
}
