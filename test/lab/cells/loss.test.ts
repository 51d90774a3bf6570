import { describe, expect, it } from 'vitest';
import type { NatKindName } from '../nat-kinds.js';
import { publicAddresses } from '../topology.js';
import { inCell, only } from './cell.js';

const lossy = (delayMs: number) => ({ delayMs, loss: 0.03 });
const links = { a: lossy(10), b: lossy(10), p: lossy(20) };
const turn = ['--turn', `turn:lab:lab@${publicAddresses[0]}:3478`, '--relay', 'always'];

describe.concurrent('lines that lose three packets of a hundred', () => {
  const cells: readonly (readonly [string, NatKindName, NatKindName])[] = [
    ['port-mapping', 'upnp', 'sym'],
    ['tcp-hole-punching', 'prc', 'cgnat'],
    ['udp-hole-punching', 'prc', 'sym'],
    ['relay', 'sym', 'sym'],
  ];
  it.each(cells)('do not keep %s from its path', async (strategy, a, b) => {
    const agent = { args: [...only(strategy).args, ...turn] };
    await inCell({ a, b, links, agent }, async (crossing) => {
      const report = await crossing.run();
      expect([report.strategy, report.kind]).toEqual([strategy, strategy === 'relay' ? 'relayed' : 'direct']);
      expect(await crossing.end()).toEqual([]);
    });
  });
});
