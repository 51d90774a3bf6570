import { isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressOf, isOverlayAddress, subnetOf } from '../../src/core/overlay-address.js';

// Key, address and subnet as yggdrasil 0.5.14 gives them: `yggdrasil -useconf -publickey`, `-address` and `-subnet`.
const fromTheDaemon = [
  [
    '8b831a67c29c51c8559f95f85b1b09675a452281962d54b5721b52dd56e0c54e',
    '200:e8f9:cb30:7ac7:5c6f:54c0:d40f:49c9',
    '300:e8f9:cb30:7ac7::/64',
  ],
  [
    '7e47724e5403003e78093cdbe917aa42add1a9600932021e208d72f02e950ef6',
    '201:6e2:36c6:aff3:ff06:1fdb:c90:5ba1',
    '301:6e2:36c6:aff3::/64',
  ],
  [
    '25811d42bf0ddb29f4fd7c6a0a9f844070e88b797a7e2cfdd3df72f834836a2f',
    '202:d3f7:15ea:791:26b0:5814:1caf:ab03',
    '302:d3f7:15ea:791::/64',
  ],
  [
    '130bb9513d423428f87129a85065cbd43167fc3b502ca3b8938070dbb634d734',
    '203:cf44:6aec:2bdc:bd70:78ed:657a:f9a3',
    '303:cf44:6aec:2bdc::/64',
  ],
  [
    '0d2b9a3dbcc8c23d946e058c64ab2db4502319a109b1e49b3ac1dcf85cc84a69',
    '204:5a8c:b848:66e7:b84d:723f:4e73:6a9a',
    '304:5a8c:b848:66e7::/64',
  ],
  [
    '01827b06389096160aeb1f7bea9e1e4a900d591a027d621a3f1584c66496adc0',
    '207:7d84:f9c7:6f69:e9f5:14e0:8415:61e1',
    '307:7d84:f9c7:6f69::/64',
  ],
  [
    '00b660da17417291b963d83a33551f5b1c78b3dad99d9324fcb768f16a752752',
    '208:933e:4bd1:7d1a:dc8d:384f:8b99:55c1',
    '308:933e:4bd1:7d1a::/64',
  ],
  [
    '0031376334736a39e76d88437b4647b394dac4c4e74e85236a4554a4aec3d92d',
    '20a:7644:e65c:64ae:30c4:93bd:e425:cdc2',
    '30a:7644:e65c:64ae::/64',
  ],
  [
    '0001b8b5b94f8ea7c83a36f8f69b95070e0a0dcf968e2f5e500bed4e00bf09b7',
    '20f:474a:46b0:7158:37c5:c907:964:6af8',
    '30f:474a:46b0:7158::/64',
  ],
] as const;

// Keys that nobody has, from yggdrasil's own address.AddrForKey and SubnetForKey: the ends of the range and runs of zeros.
const fromTheLibrary = [
  ['0000000000000000000000000000000000000000000000000000000000000000', '200::', '300::/64'],
  ['ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff', '200::', '300::/64'],
  ['0000000000000000000000000000000000000000000000000000000000000001', '2ff::', '3ff::/64'],
  ['0000000000000000000000000000000000000000000000005555555555555555', '2c1:aaaa:aaaa:aaaa:aa00::', '3c1:aaaa:aaaa:aaaa::/64'],
  [
    '0000000000000000000000000000000000001aaaaaaaaaaaaaaaaaaaaaaaaaaa',
    '293:5555:5555:5555:5555:5555:5555:5500',
    '393:5555:5555:5555::/64',
  ],
  ['0000000000000000000000000000000000000fffffffffffffffffffffffffff', '294::', '394::/64'],
  ['80ffffffffffffffff3333333333ffffffffffffffffffffffffffffffffffff', '200:fe00::199:9999:9998', '300:fe00::/64'],
  ['7fff80ffffffff00ffffffffffffffff0123456789abcdef1111111111111111', '201:1:fc00:0:3fc::', '301:1:fc00::/64'],
  [
    '000000000000000000000000000000000008cccccccccccccccccccccccccccc',
    '28c:e666:6666:6666:6666:6666:6666:6666',
    '38c:e666:6666:6666::/64',
  ],
] as const;

describe('overlay addresses', () => {
  it.each(fromTheDaemon)('derive from key %s as the daemon has it', (key, address, subnet) => {
    expect([addressOf(key), subnetOf(key)]).toEqual([address, subnet]);
  });

  it.each(fromTheLibrary)('derive from the odd key %s as the library has it', (key, address, subnet) => {
    expect([addressOf(key), subnetOf(key)]).toEqual([address, subnet]);
  });

  it('take a key in upper case', () => {
    const [key, address] = fromTheDaemon[0];
    expect(addressOf(key.toUpperCase())).toBe(address);
  });

  it.each(['', 'ab', 'g'.repeat(64), '0'.repeat(65)])('are not derived from %j', (key) => {
    expect(() => addressOf(key)).toThrow(RangeError);
  });

  it('are canonical: the text is what the URL standard’s serializer makes of it', () => {
    // Keys of few distinct digits, so that runs of zero groups come up.
    const keys = fc.array(fc.constantFrom('0', 'f', '0f', 'ffff', 'ffffffff', '1'), { minLength: 64, maxLength: 64 });
    fc.assert(
      fc.property(keys, (digits) => {
        const address = addressOf(digits.join('').slice(0, 64));
        expect(new URL(`http://[${address}]/`).hostname).toBe(`[${address}]`);
      }),
    );
  });

  it('are inside 200::/7 for every key', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const key = Buffer.from(bytes).toString('hex');
        expect([addressOf(key), subnetOf(key).replace('/64', '')].every(isOverlayAddress)).toBe(true);
      }),
    );
  });

  it.each(['200::', '0200::1', '3ff:ffff::1', '2FF::A', '201:6e2:36c6:aff3:ff06:1fdb:c90:5ba1'])('%s is one', (text) => {
    expect(isIPv6(text) && isOverlayAddress(text)).toBe(true);
  });

  it.each([
    '1ff::1',
    '400::1',
    '2001:db8::1',
    '20::1',
    '::',
    '::ffff:2.0.0.1',
    'fd00::1',
    '200::1%eth0',
    '200:',
    '127.0.0.1',
    '',
  ])('%j is none', (text) => {
    expect(isOverlayAddress(text)).toBe(false);
  });
});
