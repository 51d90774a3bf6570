import { describe, expect, it } from 'vitest';
import type { InterfaceAddress, Net } from '../../src/core/net.js';
import { gatewayFinder, ipv4DefaultRoute, ipv6DefaultRoute } from '../../src/discovery/gateway/default-gateway.js';
import { hasForgotten } from '../../src/discovery/gateway/epoch.js';
import { descriptionIn } from '../../src/discovery/gateway/ssdp.js';
import { stackedNat } from '../../src/discovery/gateway/stacked-nat.js';

const head = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT';
const row = (device: string, destination: string, gateway: string, flags: string, metric: number, mask = '00000000') =>
  `${device}\t${destination}\t${gateway}\t${flags}\t0\t0\t${metric}\t${mask}\t0\t0\t0`;
const zeros = '0'.repeat(32);
const row6 = (destination: string, length: string, hop: string, metric: string, flags: string, device: string) =>
  `${destination} ${length} ${zeros} 00 ${hop} ${metric} 00000001 00000000 ${flags}     ${device}`;

describe('the default route', () => {
  it('of IPv4 is the one with the lowest metric', () => {
    const table = [
      head,
      row('eth0', '00000000', '0101A8C0', '0003', 600),
      row('eth1', '00000000', '0102A8C0', '0003', 100),
      row('eth1', '0002A8C0', '00000000', '0001', 0, '00FFFFFF'),
    ];
    expect(ipv4DefaultRoute(table.join('\n'))).toEqual({ address: '192.168.2.1', interface: 'eth1', metric: 100 });
  });

  it.each([
    ['leads through no gateway', row('ppp0', '00000000', '00000000', '0001', 0)],
    ['is down', row('eth0', '00000000', '0101A8C0', '0002', 0)],
    ['is rejected', row('eth0', '00000000', '0101A8C0', '0203', 0)],
    ['has a longer prefix, as VPNs like it', row('tun0', '00000000', '0101A8C0', '0003', 0, '00000080')],
  ])('is none when it %s', (_why, line) => {
    expect(ipv4DefaultRoute(`${head}\n${line}\n`)).toBeUndefined();
  });

  it('of IPv6 is the one with the lowest metric that is not rejected', () => {
    const hop = 'fe80000000000000000000000000000a';
    const table = [
      row6(zeros, '00', zeros, 'ffffffff', '00200200', 'lo'),
      row6(zeros, '00', 'fe80000000000000000000000000000b', '00000400', '00000003', 'eth0'),
      row6(zeros, '00', hop, '00000064', '00450003', 'wlan0'),
      row6('20010db8000000000000000000000000', '40', zeros, '00000001', '00000001', 'eth0'),
    ];
    expect(ipv6DefaultRoute(table.join('\n'))).toEqual({ address: 'fe80::a', interface: 'wlan0', metric: 100 });
  });
});

describe('the gateway', () => {
  const address = (name: string, text: string, prefixLength: number): InterfaceAddress => ({
    name,
    address: text,
    family: text.includes(':') ? 6 : 4,
    prefixLength,
    internal: false,
  });
  const interfaces = [
    address('eth0', '10.9.9.9', 8),
    address('eth0', '192.168.1.2', 24),
    address('eth0', 'fe80::2%eth0', 64),
    address('eth0', '200::1', 7),
    address('eth0', '2001:db8::2', 64),
  ];
  const ipv4 = `${head}\n${row('eth0', '00000000', '0101A8C0', '0003', 0)}`;
  const ipv6 = row6(zeros, '00', 'fe800000000000000000000000000001', '00000400', '00000003', 'eth0');
  const net = { interfaces: () => interfaces } as unknown as Net;
  const find = gatewayFinder(net, async () => ({ ipv4, ipv6 }));

  it('of IPv4 comes with our address in its network', async () => {
    expect(await find(4)).toEqual({ family: 4, address: '192.168.1.1', interface: 'eth0', own: '192.168.1.2' });
  });

  it('of IPv6 comes with its scope and our global address, which is not the overlay’s', async () => {
    expect(await find(6)).toEqual({ family: 6, address: 'fe80::1%eth0', interface: 'eth0', own: '2001:db8::2' });
  });

  it('is missing, with the reason, without a default route', async () => {
    const none = gatewayFinder(net, async () => ({ ipv4: head, ipv6: '' }));
    await expect(none(4)).rejects.toMatchObject({ code: 'GATEWAY_MISSING', message: expect.stringContaining('IPv4') });
  });
});

describe('the gateway’s epoch', () => {
  it.each([
    ['keeps pace', 100, 160, 60, false],
    ['is a second behind for rounding', 100, 99, 0, false],
    ['went back', 100, 3, 60, true],
    ['was reset to a time that we are not past yet', 10, 20, 600, true],
    ['jumped ahead', 100, 1000, 60, true],
    ['drifts by less than a sixteenth', 0, 1000, 960, false],
  ])('that %s', (_what, before, after, elapsed, forgotten) => {
    expect(hasForgotten({ server: before, client: 50 }, { server: after, client: 50 + elapsed })).toBe(forgotten);
  });
});

describe('a stacked NAT', () => {
  it.each([
    ['a private address', '192.168.0.7', [], /not public/],
    ['a shared address', '100.64.0.2', [], /not public/],
    ['no address', '0.0.0.0', [], /no external address/],
    ['an address that the internet does not see', '20.0.1.2', ['20.0.7.7'], /20\.0\.7\.7/],
  ])('shows in %s', (_what, external, seen, sentence) => {
    expect(stackedNat(external, seen)).toMatch(sentence);
  });

  it.each([
    ['the internet sees the same', ['20.0.7.7', '20.0.1.2']],
    ['nobody was asked', []],
    ['only the other family was seen', ['2001:db8::1']],
  ])('is not suspected when %s', (_what, seen) => {
    expect(stackedNat('20.0.1.2', seen)).toBeUndefined();
  });
});

describe('an answer to a UPnP search', () => {
  const answer = (location: string, target = 'urn:schemas-upnp-org:device:InternetGatewayDevice:1') =>
    Buffer.from(`HTTP/1.1 200 OK\r\nST: ${target}\r\nLOCATION: ${location}\r\n\r\n`);

  it('tells where the gateway describes itself', () => {
    expect(descriptionIn(answer('http://192.168.1.1:5000/root.xml'), '192.168.1.1')?.href).toBe(
      'http://192.168.1.1:5000/root.xml',
    );
  });

  it.each([
    ['leads to another host', answer('http://169.254.169.254/')],
    ['is no http', answer('file:///etc/passwd')],
    ['is of another device', answer('http://192.168.1.1/', 'urn:schemas-upnp-org:device:MediaServer:1')],
    ['is a search itself', Buffer.from('M-SEARCH * HTTP/1.1\r\nST: x\r\n\r\n')],
    ['is junk', Buffer.from([0, 1, 2])],
  ])('is none when it %s', (_why, packet) => {
    expect(descriptionIn(packet, '192.168.1.1')).toBeUndefined();
  });
});
