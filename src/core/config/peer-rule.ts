import ipaddr from 'ipaddr.js';
import { addressOf } from '../overlay-address.js';

/** An entry of `allow` or `deny`: one peer by its key, or peers by a range of the overlay's addresses. */
export type PeerRule =
  | { readonly key: string; readonly address: Uint8Array }
  | { readonly network: Uint8Array; readonly prefixLength: number };

/**
 * Reads a 64-digit public key, an overlay address or a CIDR block inside 200::/7; undefined for anything else.
 * An address of a routed subnet (300::/8) stands for the peer that the subnet belongs to.
 */
export function parsePeerRule(text: string): PeerRule | undefined {
  if (/^[0-9a-fA-F]{64}$/.test(text)) {
    const address = overlayBytes(addressOf(text));
    return address && { key: text.toLowerCase(), address };
  }
  const [address = '', prefix, ...rest] = text.split('/');
  const network = overlayBytes(address);
  if (!network || rest.length > 0) return undefined;
  if (prefix === undefined) return { network, prefixLength: 128 };
  if (!/^\d{1,3}$/.test(prefix)) return undefined;
  const prefixLength = Number(prefix);
  return prefixLength >= 7 && prefixLength <= 128 ? { network, prefixLength } : undefined;
}

/** The 16 bytes of an address inside 200::/7; undefined for anything else. */
export function overlayBytes(address: string): Uint8Array | undefined {
  if (!ipaddr.IPv6.isValid(address) || address.includes('%')) return undefined;
  const bytes = Uint8Array.from(ipaddr.IPv6.parse(address).toByteArray());
  return ((bytes[0] ?? 0) & 0xfe) === 0x02 ? bytes : undefined;
}

/** Is this, in any spelling, the overlay address that derives from the key? @param key 64 hex digits */
export function isAddressOf(address: string, key: string): boolean {
  return overlayBytes(address)?.join() === overlayBytes(addressOf(key))?.join();
}
