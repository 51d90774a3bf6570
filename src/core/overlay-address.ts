import { isIPv6 } from 'node:net';

/**
 * The overlay address of a node, as yggdrasil derives it (address.AddrForKey): 0x02, the number of leading zero bits of the
 * key, then the inverted key without those bits and the one after them, cut to 128 bits.
 * @param key 64 hex digits
 * @returns canonical text (RFC 5952)
 * @throws RangeError when the key is not 64 hex digits
 */
export function addressOf(key: string): string {
  return formatGroups(groupsOf(key));
}

/** The /64 that a node routes to machines behind it (address.SubnetForKey), as `3xx:...::/64`. Takes and throws as {@link addressOf}. */
export function subnetOf(key: string): string {
  const [first = 0, ...rest] = groupsOf(key);
  return `${formatGroups([first | 0x0100, ...rest.slice(0, 3), 0, 0, 0, 0])}/64`;
}

/** Is this the text of an IPv6 address in 200::/7, in any spelling without a zone? */
export function isOverlayAddress(text: string): boolean {
  // A first group of 200 to 3ff always has three digits, or four with a leading zero.
  return /^0?[23][0-9a-f]{2}:/i.test(text) && isIPv6(text) && !text.includes('%');
}

/** 64 lower-case hex digits, the form in which keys are compared. */
export const keyPattern = /^[0-9a-f]{64}$/;

function groupsOf(key: string): number[] {
  if (!/^[0-9a-f]{64}$/i.test(key)) throw new RangeError('A key is 64 hex digits.');
  let zeros = 0;
  while (zeros < 256 && nibbleAt(key, zeros >> 2) === 0) zeros += 4;
  if (zeros < 256) zeros += Math.clz32(nibbleAt(key, zeros >> 2)) - 28;
  const groups = [0x0200 | (zeros & 0xff)];
  for (let group = 0; group < 7; group++) {
    const start = zeros + 1 + group * 16;
    groups.push((invertedByteAt(key, start) << 8) | invertedByteAt(key, start + 8));
  }
  return groups;
}

/** Eight bits from any bit on, inverted; 0 where fewer than eight are left, as yggdrasil has it. */
function invertedByteAt(key: string, bit: number): number {
  if (bit + 8 > 256) return 0;
  const index = bit >> 2;
  const twelve = (nibbleAt(key, index) << 8) | (nibbleAt(key, index + 1) << 4) | nibbleAt(key, index + 2);
  return ~(twelve >> (4 - (bit & 3))) & 0xff;
}

/** By arithmetic on the digit's character: a poll derives thousands of addresses. Past the end the code is NaN, which counts as 0. */
function nibbleAt(key: string, index: number): number {
  const code = key.charCodeAt(index);
  return (code & 0x0f) + (code >> 6) * 9;
}

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16));
const hex2 = hex.map((digits) => digits.padStart(2, '0'));

/** RFC 5952, section 4: lower case, no leading zeros, `::` for the first of the longest runs of two or more zero groups. */
function formatGroups(groups: readonly number[]): string {
  let plain = '';
  for (const group of groups) plain += group < 256 ? `:${hex[group]}` : `:${hex[group >> 8]}${hex2[group & 0xff]}`;
  if (!plain.includes(':0:0')) return plain.slice(1);
  let from = 0;
  let length = 1;
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && groups[end] === 0) end++;
    if (end - start > length) {
      from = start;
      length = end - start;
    }
    if (end > start) start = end;
  }
  const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':');
  return `${text(groups.slice(0, from))}::${text(groups.slice(from + length))}`;
}
