import { describe, expect, it } from 'vitest';
import { SimulatedNetwork } from '../../src/testing.js';

describe('what the simulated network shows of itself', () => {
  it('is its topology', () => {
    const world = new SimulatedNetwork();
    world.host('server', { addresses: 2 });
    const home = world.nat({ name: 'home', filtering: 'address-dependent', maps: ['pcp'] });
    home.host('laptop', { ipv6: true, firewall: {} });
    world.nat({ name: 'carrier', inside: 'carrier-grade' }).nat({ name: 'flat' }).host('phone');
    expect(world.describe().split('\n')).toEqual([
      'internet: the public network',
      '├─ server: 20.0.0.2, 20.0.0.3',
      '├─ home: 20.0.0.4, NAT, endpoint-independent mapping, address-dependent filtering, preserving ports',
      '│  ├─ home gateway: 192.168.1.1',
      '│  └─ laptop: 192.168.1.2, 2600:0:0:2::2, firewall',
      '└─ carrier: 20.0.0.5, NAT, endpoint-independent mapping, address-and-port-dependent filtering, preserving ports',
      '   └─ flat: 100.64.2.2, NAT, endpoint-independent mapping, address-and-port-dependent filtering, preserving ports',
      '      └─ phone: 192.168.3.2',
    ]);
  });

  it('is a sequence chart, counters and a capture of what was sent', async () => {
    const world = new SimulatedNetwork();
    const [home, away] = [world.nat({ name: 'home' }), world.nat({ name: 'away' })];
    const [a, b] = [home.host('a'), away.host('b')];
    const recording = world.record();
    const open = async (from: typeof a, port: number, to: string) => {
      const socket = await from.net.bindUdp({ local: { address: '0.0.0.0', port }, onMessage: () => {} });
      return () => socket.send(Buffer.from('hello'), { address: to, port: 3000 - port });
    };
    const [send, reply] = [
      await open(a, 1000, away.router.externalAddresses[0] ?? ''),
      await open(b, 2000, home.router.externalAddresses[0] ?? ''),
    ];
    send();
    await world.run(50);
    reply();
    await world.run(50);
    const lines = recording.chart([a, home.router, world.router, away.router, b]).split('\n');
    expect(lines[0]).toMatch(/^ +ms +a +home +internet +away +b$/);
    expect(lines[1]).toContain('0.3  |-UDP 5 B :1000→2000------>|');
    expect(lines.filter((line) => line.includes('x nat-filtered UDP 5 B'))).toHaveLength(1);
    expect(lines.at(-1)).toMatch(/70\.6 +\|<-UDP 5 B :2000→1000------\|/);
    expect(world.statistics.losses('nat-filtered')).toBe(1);
    const capture = recording.pcapng(home.router);
    expect(capture.readUInt32LE(0)).toBe(0x0a0d0d0a);
    expect(capture.toString('latin1').split('hello')).toHaveLength(5);
    // Blocks of type 1 describe interfaces.
    expect(capture.readUInt32LE(capture.readUInt32LE(4))).toBe(1);
    expect(capture.toString('latin1')).toMatch(/a\0{3}.*internet/s);
  });
});
