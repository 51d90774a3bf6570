import { describe, expect, it } from 'vitest';
import { type Candidate, distinct, hostCandidates, maxCandidates, usableCandidates } from '../../src/discovery/candidates.js';

const host = (address: string, port = 5000): Candidate => ({ type: 'host', address, port });
const reflexive = (address: string, port = 5000): Candidate => ({ type: 'server-reflexive', address, port });
const addressesOf = (candidates: readonly Candidate[]) => candidates.map(({ address }) => address);

describe('host candidates', () => {
  it('are the addresses a peer may reach, without those of the overlay, the link or the machine itself', () => {
    const interfaces = [
      ['lo', '127.0.0.1', 4, true],
      ['eth0', '192.168.1.2', 4, false],
      ['eth0', '2a01:4f8::2', 6, false],
      ['eth0', 'fe80::1', 6, false],
      ['ygg0', '200:1234::1', 6, false],
      ['ygg0', '300:1234::1', 6, false],
    ] as const;
    const candidates = hostCandidates(
      interfaces.map(([name, address, family, internal]) => ({ name, address, family, internal, prefixLength: 24 })),
      4000,
    );
    expect(addressesOf(candidates)).toEqual(['192.168.1.2', '2a01:4f8::2']);
    expect(candidates.every(({ port }) => port === 4000)).toBe(true);
  });
});

describe('the peer’s candidates', () => {
  const refused = [
    '127.0.0.1',
    '0.0.0.0',
    '169.254.169.254',
    '169.254.1.1',
    '100.100.100.200',
    '224.0.0.1',
    '255.255.255.255',
    '240.0.0.1',
    '::1',
    '::',
    'fe80::1',
    'fe80::1%eth0',
    'ff02::1',
    'fd00:ec2::254',
    '::ffff:127.0.0.1',
    '200::1',
    '300:1:2:3::1',
    'example.org',
    '',
  ];
  it.each(refused)('are not tried at %s, whatever the peer says', (address) => {
    const shared = [reflexive('20.0.1.2')];
    expect(usableCandidates(shared, [host(address), ...shared])).toEqual(shared);
  });

  it('are tried at public addresses', () => {
    const remote = [host('20.0.2.2'), host('2a01:4f8::2'), reflexive('20.0.3.3')];
    expect(usableCandidates([reflexive('20.0.1.2')], remote)).toEqual(remote);
  });

  it('are tried at private addresses when both ends look the same from outside', () => {
    const own = [host('192.168.1.2'), reflexive('20.0.1.2')];
    expect(addressesOf(usableCandidates(own, [host('192.168.1.3'), reflexive('20.0.1.2')]))).toEqual(['192.168.1.3', '20.0.1.2']);
  });

  it('are tried at private addresses when both ends have an address of one IPv6 network', () => {
    const own = [host('192.168.1.2'), host('2a01:4f8:1:2::5')];
    const remote = [host('192.168.1.3'), host('2a01:4f8:1:2:a::6')];
    expect(usableCandidates(own, remote)).toEqual(remote);
  });

  it('are not tried at private or shared addresses without such evidence', () => {
    const own = [host('192.168.1.2'), reflexive('20.0.1.2')];
    const remote = [host('192.168.1.3'), host('100.64.0.9'), host('fd12::3'), reflexive('20.0.2.2')];
    expect(addressesOf(usableCandidates(own, remote))).toEqual(['20.0.2.2']);
  });

  it('are tried at the private address at which the peer was heard, and at no other', () => {
    const remote = [host('192.168.1.3'), host('10.0.0.3')];
    expect(addressesOf(usableCandidates([host('192.168.1.2')], remote, ['192.168.1.3']))).toEqual(['192.168.1.3']);
  });

  it('are not tried at this machine or its link wherever the peer was heard', () => {
    const remote = [host('127.0.0.1'), host('169.254.1.3'), host('192.168.1.2')];
    expect(usableCandidates([host('192.168.1.2')], remote, addressesOf(remote))).toEqual([]);
  });

  it('are not tried at a private address that the peer merely calls reflexive', () => {
    const own = [host('192.168.1.2'), reflexive('192.168.9.9')];
    expect(usableCandidates(own, [host('192.168.1.3'), reflexive('192.168.9.9')])).toEqual([]);
  });

  it('are not tried at well-known ports', () => {
    expect(usableCandidates([], [reflexive('20.0.2.2', 25)])).toEqual([]);
  });

  it('are not tried at our own address', () => {
    expect(usableCandidates([host('20.0.2.2')], [host('20.0.2.2')])).toEqual([]);
  });

  it('are each looked at once, and not without end', () => {
    const many = Array.from({ length: 40 }, (_, index) => reflexive('20.0.2.2', 2000 + index));
    expect(distinct([...many, ...many])).toHaveLength(maxCandidates);
    expect(distinct([host('20.0.2.2'), reflexive('20.0.2.2')])).toEqual([host('20.0.2.2')]);
  });
});
