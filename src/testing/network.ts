import type { Host } from './host.js';
import { IpRouter } from './ip-router.js';
import type { LineOptions } from './line.js';
import { Medium, type PacketObserver } from './medium.js';
import { Overlay } from './overlay.js';
import { Recording } from './recording.js';
import { SeededRandom } from './seeded-random.js';
import { Site } from './site.js';
import { Statistics } from './statistics.js';
import { drawTopology } from './topology.js';
import { VirtualClock } from './virtual-clock.js';

export interface NetworkOptions {
  /** The same seed gives the same packets. @default 'ratatoskr' */
  readonly seed?: string | number;
  /** The overlay between any two nodes. @default 30 ms one way */
  readonly overlay?: LineOptions;
}

/** Of a whole network. */
export type NetworkStatistics = Statistics & { readonly failedConnections: ReadonlyMap<string, number> };

/**
 * A network in this process: hosts, routers in a tree whose root is the internet, NATs and firewalls, on a clock of its own. No sockets,
 * no privileges, no waiting. Itself a {@link Site}: hosts made here are on the internet.
 *
 * ```ts
 * const world = new SimulatedNetwork({ seed: 7 });
 * const home = world.nat({ filtering: 'address-dependent' });
 * const host = home.host('a');
 * const stream = await world.until(host.net.connectTcp({ remote, timeoutMs: 1000 }));
 * ```
 */
export class SimulatedNetwork extends Site {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  private readonly medium: Medium;

  constructor({ seed = 'ratatoskr', overlay = { delayMs: 30 } }: NetworkOptions = {}) {
    const random = new SeededRandom(String(seed));
    const medium = new Medium(new VirtualClock(), random);
    const parts = { medium, overlay: new Overlay(medium, overlay), hosts: new Map<string, Host>() };
    super(new IpRouter(medium, { name: 'internet' }), parts);
    this.medium = medium;
    this.clock = medium.clock;
    this.random = random;
  }

  get hosts(): readonly Host[] {
    return [...this.parts.hosts.values()];
  }

  /** Lets so much time pass, in milliseconds. */
  run(durationMs: number): Promise<void> {
    return this.clock.run(durationMs);
  }

  /** As {@link VirtualClock.until}: lets time pass until a promise settles, and gives its outcome. */
  until<Value>(promise: Promise<Value>, limitMs?: number): Promise<Value> {
    return this.clock.until(promise, limitMs);
  }

  /** The tree of routers and hosts, as text. */
  describe(): string {
    return drawTopology(this.router);
  }

  /** Records what happens to packets from now on. */
  record(): Recording {
    return new Recording(this.medium);
  }

  /** What went over all lines, what was lost and why, and the TCP connections that could not be made, by the system's name for the reason. */
  get statistics(): NetworkStatistics {
    const total = new Statistics();
    const failedConnections = new Map<string, number>();
    for (const part of this.medium.statistics) total.add(part);
    for (const { tcp } of this.hosts) {
      for (const [code, count] of tcp.failed) failedConnections.set(code, (failedConnections.get(code) ?? 0) + count);
    }
    return Object.assign(total, { failedConnections });
  }

  /** Tells of every packet on every line. @returns a function that ends it */
  onPacket(observer: PacketObserver): () => void {
    return this.medium.onPacket(observer);
  }
}
