import { describe, expect, it } from 'vitest';
import { directRttMs } from '../round-trips.js';
import { inCell, only } from './cell.js';

const strategies = ['tcp-hole-punching', 'udp-hole-punching'];

describe.concurrent('two hosts behind one NAT', () => {
  it.each(strategies)('in one network meet there by %s, and not through the NAT', async (strategy) => {
    await inCell({ a: 'prc', sharing: 'network', agent: only(strategy) }, async (crossing) => {
      const { ends, pingAfter } = await crossing.run();
      expect(ends.a.remote).toMatch(/^192\.168\.1\.3:/);
      expect(ends.b.remote).toMatch(/^192\.168\.1\.2:/);
      expect(pingAfter).toBeLessThan(directRttMs);
      expect(await crossing.end()).toEqual([]);
    });
  });

  it.each(strategies)('in two networks meet by %s at the addresses that the NAT takes back in', async (strategy) => {
    await inCell({ a: 'prc', sharing: 'hairpin', agent: only(strategy) }, async (crossing) => {
      const { ends, pingAfter } = await crossing.run();
      expect(ends.a.remote).toMatch(/^20\.0\.1\.2:/);
      expect(ends.b.remote).toMatch(/^20\.0\.1\.2:/);
      expect(pingAfter).toBeLessThan(directRttMs);
      expect(await crossing.end()).toEqual([]);
    });
  });
});
