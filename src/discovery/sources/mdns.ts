import { z } from 'zod';
import { sleep } from '../../core/clock.js';
import { type DiscoveryContext, type DiscoveryServices, defineDiscovery } from '../../core/discovery-source.js';
import { AgentError, describeError } from '../../core/errors.js';
import type { Neighbours } from '../../core/neighbours.js';
import type { InterfaceAddress } from '../../core/net.js';
import { type EarParts, NetworkEar } from '../mdns/network-ear.js';
import type { Heard } from '../mdns/records.js';

/** How often it is looked whether this machine is on other networks, in milliseconds. */
const lookEveryMs = 5000;

export interface MdnsParts {
  readonly neighbours: Neighbours;
  /** TCP port of signalling. */
  readonly port: () => number;
}

/** Finds the agents of the networks that this machine is on by multicast DNS (RFC 6762, RFC 6763), and is found by them. */
export function mdns(parts: MdnsParts) {
  return defineDiscovery({
    name: 'mdns',
    apiVersion: 1,
    options: z.strictObject({}),
    create: (_options, services) => ({ name: 'mdns', run: (context) => new Mdns(parts, services, context).run() }),
  });
}

interface Listening {
  readonly ear: NetworkEar;
  readonly over: AbortController;
  readonly life: Promise<void>;
}

class Mdns {
  /** By interface and address. */
  private readonly listening = new Map<string, Listening>();
  private networks = '';

  constructor(
    private readonly parts: MdnsParts,
    private readonly services: DiscoveryServices,
    private readonly context: DiscoveryContext,
  ) {}

  async run(): Promise<void> {
    const { signal } = this.context;
    try {
      while (!signal.aborted) {
        await this.follow();
        await sleep(this.services.clock, lookEveryMs, signal).catch(() => {});
      }
    } finally {
      await Promise.all([...this.listening.keys()].map((network) => this.leave(network)));
    }
  }

  /** Listens on the networks there are, and no longer on those that are gone. @throws AgentError when it can on none */
  private async follow(): Promise<void> {
    const places = new Map(this.places().map((place) => [`${place.name} ${place.address}`, place]));
    const networks = [...places.keys()].sort().join();
    if (networks === this.networks) return;
    this.networks = networks;
    for (const network of this.listening.keys()) if (!places.has(network)) await this.leave(network);
    const failures: unknown[] = [];
    for (const [network, place] of places) {
      if (!this.listening.has(network)) await this.join(network, place).catch((error: unknown) => failures.push(error));
    }
    for (const failure of failures) this.services.log.debug('mdns.unheard', describeError(failure));
    const [first] = failures;
    if (first === undefined || this.listening.size > 0) return;
    throw new AgentError('DISCOVERY_FAILED', `No network can be listened on: ${describeError(first).message}.`, { cause: first });
  }

  private async join(network: string, place: InterfaceAddress): Promise<void> {
    const { net, clock, random } = this.services;
    const heard = (agent: Heard, address: string) => this.hear(agent, address);
    const parts: EarParts = { net, clock, random, key: this.context.self.key, port: this.parts.port(), heard };
    const ear = await NetworkEar.open(parts, place);
    const over = new AbortController();
    this.listening.set(network, { ear, over, life: ear.run(over.signal) });
  }

  private async leave(network: string): Promise<void> {
    const listening = this.listening.get(network);
    this.listening.delete(network);
    listening?.over.abort(new Error('no longer on this network'));
    await listening?.life;
    await listening?.ear.close();
  }

  private hear({ key, lifetimeS }: Heard, address: string): void {
    const lastsMs = lifetimeS * 1000;
    this.parts.neighbours.hear(key, address, lastsMs);
    if (lastsMs > 0) this.context.found({ key, expiresInMs: lastsMs });
  }

  /** A network of one address has nobody else. */
  private places(): readonly InterfaceAddress[] {
    return this.services.net
      .interfaces()
      .filter(({ family, internal, prefixLength }) => family === 4 && !internal && prefixLength < 32);
  }
}
