import { isIPv6 } from 'node:net';
import {
  type AttemptContext,
  describeError,
  type Endpoint,
  isPublicAddress,
  type Path,
  type Probe,
  type ProbeContext,
  type Strategy,
  type StrategyServices,
} from 'ratatoskr';
import { Entrance } from './entrance.js';
import { Meeting } from './meeting.js';
import { maxPlaces } from './messages.js';
import type { Options } from './options.js';
import { ProxyClient } from './proxy-client.js';
import { readCredentials } from './secret.js';

/** What attempts share: the proxy to go out through and the port to be reached at, where there are such. */
export class ProxyStrategy implements Strategy {
  readonly name = 'proxy';
  private readonly proxy: ProxyClient | undefined;
  private readonly entrance: Entrance | undefined;

  constructor(
    private readonly options: Options,
    private readonly services: StrategyServices,
    env: NodeJS.ProcessEnv,
  ) {
    const { net, clock } = services;
    const { proxy, listen } = options;
    this.proxy = proxy && new ProxyClient({ address: proxy, credentials: () => readCredentials(options, env), net, clock });
    this.entrance = listen && new Entrance(net, clock, listen.port);
  }

  async probe({ signal }: ProbeContext): Promise<Probe> {
    const places = this.places();
    if (this.options.listen && places.length === 0) {
      return {
        usable: 'no',
        reason: 'This machine has no public address: name with listen.addresses where its port is reached.',
      };
    }
    try {
      await this.entrance?.probe();
      await this.proxy?.probe(signal);
    } catch (error) {
      signal.throwIfAborted();
      return { usable: 'no', reason: describeError(error).message };
    }
    if (!this.proxy) {
      return this.entrance ? { usable: 'yes' } : { usable: 'unknown', reason: 'No proxy and no port: the peer needs a port.' };
    }
    const limit = this.entrance ? '' : ' Only peers that can be reached are met.';
    return { usable: 'yes', reason: `The proxy ${this.proxy.name} answers.${limit}` };
  }

  attempt(context: AttemptContext): Promise<Path> {
    const { proxy, entrance, services } = this;
    return new Meeting({ context, services, proxy, entrance, places: this.places() }).path();
  }

  /** Where the world reaches our port. */
  private places(): readonly Endpoint[] {
    const { listen } = this.options;
    if (!listen) return [];
    const own = () => this.services.net.interfaces().map(({ address }) => address);
    const addresses = listen.addresses ?? own().filter(isPublicAddress).sort(ipv4First);
    return addresses.slice(0, maxPlaces).map((address) => ({ address, port: listen.port }));
  }
}

/** Proxies without IPv6 are more than those without IPv4. */
function ipv4First(one: string, other: string): number {
  return Number(isIPv6(one)) - Number(isIPv6(other));
}
