import { describe, expect, test } from 'vitest';
import { permits } from '../../src/core/config/permits.js';

const peer = { key: 'ab'.repeat(32), address: '200:1234:5678:9abc:def0::1' };
const everyone = { allow: [], deny: [] };

describe('permits', () => {
  test('lets everyone in when nothing is said', () => {
    expect(permits(everyone, peer)).toBe(true);
  });

  test('never lets in an address outside the overlay', () => {
    expect(permits(everyone, { ...peer, address: '2001:db8::1' })).toBe(false);
    expect(permits(everyone, { ...peer, address: 'nonsense' })).toBe(false);
  });

  test.each([
    ['its address', '200:1234:5678:9abc:def0::1', true],
    ['its address written otherwise', '200:1234:5678:9abc:def0:0:0:1', true],
    ['another address', '200:1234:5678:9abc:def0::2', false],
    ['its key', 'ab'.repeat(32), true],
    ['its key in capitals', 'AB'.repeat(32), true],
    ['another key', 'cd'.repeat(32), false],
    ['its subnet', '300:1234:5678:9abc::/64', true] as const,
    ['a host in its subnet', '300:1234:5678:9abc::99', true],
    ['a block of hosts in its subnet', '300:1234:5678:9abc:8000::/65', true],
    ['the subnet of another', '300:1234:5678:9abd::/64', false],
    ['a block around its subnet', '300:1234::/32', true],
    ['a block beside its subnet', '300:1235::/32', false],
    ['a block of addresses', '200:1230::/28', true],
    ['a block cut within a byte', '200:1235::/31', true],
    ['a block one bit too narrow', '200:1235::/32', false],
    ['the whole overlay', '200::/7', true],
    ['all subnets', '300::/8', true],
    ['an entry that is none', 'nonsense', false],
  ])('allow with %s', (_what, entry, expected) => {
    expect(permits({ allow: [entry], deny: [] }, peer)).toBe(expected);
    expect(permits({ allow: [], deny: [entry] }, peer)).toBe(!expected);
  });

  test('deny wins over allow', () => {
    expect(permits({ allow: [peer.key], deny: ['200:1234::/32'] }, peer)).toBe(false);
  });
});
