import type { Packet } from './packet.js';
import type { SeededRandom } from './seeded-random.js';
import type { VirtualClock } from './virtual-clock.js';

/** What the sockets of a host need of it. */
export interface HostLinks {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  send(packet: Packet): void;
  /** Is it an address of this host, or all of them? */
  mayBind(address: string): boolean;
  /** The source of what is sent to a destination from a socket that is bound so; undefined when there is no way there. */
  sourceFor(destination: string, bound?: string): string | undefined;
}
