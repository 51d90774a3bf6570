import { describe, expect, it } from 'vitest';
import type { NatKindName } from '../nat-kinds.js';
import { inCell, only } from './cell.js';

describe.concurrent('a strategy alone that cannot work', () => {
  const cells: readonly (readonly [string, NatKindName, NatKindName, string])[] = [
    ['port-mapping', 'prc', 'prc', 'NO_MAPPING'],
    ['tcp-hole-punching', 'sym', 'sym', 'DOUBLE_RANDOM_NAT'],
    ['udp-hole-punching', 'udpblock', 'prc', 'UDP_BLOCKED'],
    ['udp-hole-punching', 'sym', 'sym', 'DOUBLE_RANDOM_NAT'],
    ['relay', 'sym', 'sym', 'RELAY_NONE'],
  ];
  it.each(cells)('%s between %s and %s says why, and what to do', async (strategy, a, b, code) => {
    await inCell({ a, b, controlling: 'a', agent: only(strategy) }, async (crossing) => {
      const { failures } = await crossing.exhausted();
      expect(failures).toMatchObject([{ strategy, code, message: expect.any(String), help: expect.any(String) }]);
      expect(await crossing.end()).toEqual([]);
    });
  });
});

it('strategies are tried in the order of the config', async () => {
  const order = ['relay', 'udp-hole-punching', 'port-mapping', 'tcp-hole-punching'];
  await inCell({ a: 'sym', b: 'sym', controlling: 'a', agent: only(...order) }, async (crossing) => {
    await crossing.exhausted();
    const { a } = crossing.agents;
    const started = a.events.flatMap((line) => (line.event === 'attempt.started' ? line.strategy : []));
    expect(started).toEqual(order);
    expect(await crossing.end()).toEqual([]);
  });
});
