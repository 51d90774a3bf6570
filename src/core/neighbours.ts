import type { Clock } from './clock.js';

/** Peers remembered, and addresses of each; of more, the one heard longest ago is forgotten. */
const mostPeers = 256;
const mostAddresses = 4;

/** Peers that were heard on a network that this machine is on, and where. */
export class Neighbours {
  /** When what was heard at each address expires, by key and address; the one heard longest ago first. */
  private readonly heard = new Map<string, Map<string, number>>();

  constructor(private readonly clock: Clock) {}

  /** @param key 64 hex digits, which whoever was heard may have made up @param lastsMs 0 when it says that it is leaving */
  hear(key: string, address: string, lastsMs: number): void {
    const addresses = this.heard.get(key) ?? new Map<string, number>();
    addresses.delete(address);
    addresses.set(address, this.clock.now() + lastsMs);
    this.heard.delete(key);
    this.heard.set(key, addresses);
    dropOldest(addresses, mostAddresses);
    dropOldest(this.heard, mostPeers);
  }

  /** Where the peer was heard, and has not left since. */
  addressesOf(key: string): readonly string[] {
    const now = this.clock.now();
    return [...(this.heard.get(key) ?? [])].flatMap(([address, expiresAt]) => (expiresAt > now ? [address] : []));
  }
}

function dropOldest<Key>(map: Map<Key, unknown>, most: number): void {
  const [oldest] = map.keys();
  if (map.size > most && oldest !== undefined) map.delete(oldest);
}
