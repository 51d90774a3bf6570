import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { addressOf, isOverlayAddress } from '../core/overlay-address.js';
import { replaceAddresses } from './redaction.js';

/** Addresses that many have: they tell a reader much about the network, and nothing of whose it is. */
const tellingNothing = new Set(['private', 'loopback', 'linkLocal', 'unspecified', 'uniqueLocal', 'multicast', 'broadcast']);

/**
 * Gives everything in a report that tells who or where somebody is another name, the same one each time: a reader can follow a peer through
 * the report, and find it nowhere else. Private, loopback and link-local addresses stay.
 */
export class Pseudonyms {
  private readonly names = new Map<string, string>();
  private readonly counts = new Map<string, number>();

  /** @param words that are replaced wherever they stand, such as the host's name, each with what to put there */
  constructor(private readonly words: readonly (readonly [word: string, replacement: string])[] = []) {}

  apply(text: string): string {
    let result = text.replace(/(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/gi, (key) => `${this.node(addressOf(key))}-key`);
    result = replaceAddresses(result, (address) => this.address(address));
    for (const [word, replacement] of this.words) result = result.replaceAll(word, replacement);
    return result;
  }

  private address(text: string): string {
    const parsed = ipaddr.parse(text);
    if (isOverlayAddress(text)) return this.node(parsed.toString());
    const range: string = parsed.range();
    if (tellingNothing.has(range)) return text;
    return this.name(parsed.toString(), `${range === 'carrierGradeNat' ? 'cgnat' : 'public'}-ipv${isIP(text)}`);
  }

  private node(address: string): string {
    return this.name(address, 'node');
  }

  private name(what: string, kind: string): string {
    const known = this.names.get(what);
    if (known !== undefined) return known;
    const count = (this.counts.get(kind) ?? 0) + 1;
    this.counts.set(kind, count);
    const name = `${kind}-${count}`;
    this.names.set(what, name);
    return name;
  }
}
