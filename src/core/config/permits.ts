import { overlayBytes, type PeerRule, parsePeerRule } from './peer-rule.js';

/**
 * May the agent deal with this peer? `deny` wins over `allow`; an empty `allow` lets everyone in.
 * @param peer `address` is the overlay address that derives from `key`; one outside 200::/7 is never permitted. Without a key, one that is
 *   named by its key is known by the address that derives from it.
 */
export function permits(
  config: { readonly allow: readonly string[]; readonly deny: readonly string[] },
  peer: { readonly key?: string; readonly address: string },
): boolean {
  const address = overlayBytes(peer.address);
  if (!address) return false;
  const key = peer.key?.toLowerCase();
  const matches = (rule: PeerRule) => covers(rule, key, address);
  return !rulesOf(config.deny).some(matches) && (config.allow.length === 0 || rulesOf(config.allow).some(matches));
}

/** Lists are asked about every session at every poll, so each is parsed once. */
const parsed = new WeakMap<readonly string[], readonly PeerRule[]>();

function rulesOf(entries: readonly string[]): readonly PeerRule[] {
  const known = parsed.get(entries);
  if (known) return known;
  const rules = entries.flatMap((entry) => parsePeerRule(entry) ?? []);
  parsed.set(entries, rules);
  return rules;
}

function covers(rule: PeerRule, key: string | undefined, address: Uint8Array): boolean {
  if ('key' in rule) return key === undefined ? samePrefix(rule.address, address, 128) : rule.key === key;
  if (samePrefix(rule.network, address, rule.prefixLength)) return true;
  // A peer's routed subnet is its address with the lowest bit of the first byte set, cut to 64 bits.
  const subnet = address.slice(0, 8);
  subnet[0] = (subnet[0] ?? 0) | 1;
  return samePrefix(rule.network, subnet, Math.min(rule.prefixLength, 64));
}

function samePrefix(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  for (let bit = 0; bit < bits; bit += 8) {
    const mask = 0xff & (0xff << Math.max(0, 8 - (bits - bit)));
    const index = bit / 8;
    if (((a[index] ?? 0) & mask) !== ((b[index] ?? 0) & mask)) return false;
  }
  return true;
}
