import { describe, expect, it } from 'vitest';
import { directRttMs } from '../round-trips.js';
import { inCell, only } from './cell.js';

describe.concurrent('hosts that are behind stateful firewalls over IPv6', () => {
  const strategies = ['tcp-hole-punching', 'udp-hole-punching'] as const;
  const cells = strategies.flatMap((strategy) => [
    ['without IPv4', strategy, 'fw6'] as const,
    ['with random ports over IPv4', strategy, 'dual'] as const,
  ]);
  it.each(cells)('%s, meet there by %s', async (_, strategy, kind) => {
    await inCell({ a: kind, b: kind, agent: only(strategy) }, async (crossing) => {
      const { ends, pingAfter } = await crossing.run();
      expect(ends.a.remote).toMatch(/^\[2a00:20:2:1::2\]:\d+$/);
      expect(ends.b.remote).toMatch(/^\[2a00:20:1:1::2\]:\d+$/);
      expect(pingAfter).toBeLessThan(directRttMs);
      expect(await crossing.end()).toEqual([]);
    });
  });

  it.each(['fw6', 'pin6'] as const)(
    'meet at the pinhole that one of them has had opened, the other being behind %s',
    async (b) => {
      await inCell({ a: 'pin6', b, agent: only('port-mapping') }, async (crossing) => {
        const { ends, strategy, pingAfter } = await crossing.run();
        const { lab } = crossing;
        expect(strategy).toBe('port-mapping');
        const gateways = (b === 'pin6' ? ['ra', 'rb'] : ['ra']).map((name) => lab.gateway(name));
        const pinholes = async () => (await Promise.all(gateways.map((gateway) => gateway.pinholes()))).flat();
        const open = await pinholes();
        expect([ends.a.remote, ends.b.remote].filter((remote) => open.includes(remote))).toHaveLength(1);
        expect(pingAfter).toBeLessThan(directRttMs);
        expect(await crossing.end()).toEqual([]);
        expect(await pinholes()).toEqual([]);
      });
    },
  );
});
