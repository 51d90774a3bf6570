import { describe, expect, it } from 'vitest';
import { inCell, only } from './cell.js';

describe.concurrent('a NAT that counts its ports', () => {
  const strategies = ['tcp-hole-punching', 'udp-hole-punching'] as const;
  it.each(strategies.flatMap((strategy) => [['prc', strategy] as const, ['seq', strategy] as const]))(
    'is foreseen, so that there is a direct path to %s by %s',
    async (b, strategy) => {
      await inCell({ a: 'seq', b, agent: only(strategy) }, async (crossing) => {
        const { kind, ends } = await crossing.run();
        expect(kind).toBe('direct');
        expect(ends.b.remote).toMatch(/^20\.0\.1\.2:400\d\d$/);
        expect(await crossing.end()).toEqual([]);
      });
    },
  );
});
