import { describe, expect, it } from 'vitest';
import { AdjacentAgents } from '../../src/core/adjacent-agents.js';
import type { RouterPeer } from '../../src/core/router.js';
import { FakeClock, settle } from './fake-clock.js';

/** A peering of the router, up and dialled by it. */
function peering(key: string, more: Partial<RouterPeer> = {}): RouterPeer {
  const measured = { bytesIn: 0, bytesOut: 0, latencyMs: 10, lastError: undefined };
  return { uri: `tcp://${key}:1`, up: true, inbound: false, key, address: `200::${key}`, ...measured, ...more };
}

/** Neighbours of whom some have an agent, and some are kept out. */
function neighbourhood({ answering = [], refused = [] }: { answering?: string[]; refused?: string[] } = {}) {
  const clock = new FakeClock();
  const dialled: string[] = [];
  const linked = new Set<string>();
  const adjacent = new AdjacentAgents({
    clock,
    isLinked: (key) => linked.has(key),
    admits: ({ key }) => !refused.includes(key),
    async dial({ key }) {
      dialled.push(key);
      if (!answering.includes(key)) throw new Error('there is no agent');
      linked.add(key);
    },
  });
  return { clock, dialled, linked, adjacent };
}

describe('agents of adjacent routers', () => {
  it('that this router dialled are met, and no others', () => {
    const { dialled, adjacent } = neighbourhood();
    const others = [peering('b', { inbound: true }), peering('c', { up: false }), peering('d', { key: undefined })];
    adjacent.meet([peering('a'), ...others], { again: true });
    expect(dialled).toEqual(['a']);
  });

  it('that allow and deny keep out are not met', () => {
    const { dialled, adjacent } = neighbourhood({ refused: ['a'] });
    adjacent.meet([peering('a')], { again: true });
    expect(dialled).toEqual([]);
  });

  it('are four at once, the nearest first', async () => {
    const all = ['a', 'b', 'c', 'd', 'e', 'f'];
    const { dialled, adjacent } = neighbourhood({ answering: all });
    const peerings = all.map((key, index) => peering(key, { latencyMs: 100 - index }));
    adjacent.meet(peerings, { again: true });
    await settle();
    adjacent.meet(peerings, { again: true });
    expect(dialled).toEqual(['f', 'e', 'd', 'c']);
  });

  it('that did not answer make room for the next, and are asked again after ten minutes', async () => {
    const { clock, dialled, adjacent } = neighbourhood({ answering: ['b', 'c', 'd', 'e'] });
    const peerings = ['a', 'b', 'c', 'd', 'e'].map((key) => peering(key));
    adjacent.meet(peerings, { again: true });
    await settle();
    adjacent.meet(peerings, { again: true });
    await clock.advance(10 * 60_000 - 1);
    adjacent.meet([peering('a')], { again: true });
    expect(dialled).toEqual(['a', 'b', 'c', 'd', 'e']);
    await clock.advance(1);
    adjacent.meet([peering('a')], { again: true });
    expect(dialled).toEqual(['a', 'b', 'c', 'd', 'e', 'a']);
  });

  it('that answered before are met anew when somebody needs them, and only then', async () => {
    const { dialled, linked, adjacent } = neighbourhood({ answering: ['a'] });
    adjacent.meet([peering('a')], { again: false });
    await settle();
    linked.clear();
    adjacent.meet([peering('a')], { again: false });
    expect(dialled).toEqual(['a']);
    adjacent.meet([peering('a')], { again: true });
    expect(dialled).toEqual(['a', 'a']);
  });
});
