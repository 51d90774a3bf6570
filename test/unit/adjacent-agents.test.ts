import { describe, expect, it, onTestFinished } from 'vitest';
import { findAdjacentAgents } from '../../src/core/adjacent-agents.js';
import { parseConfig } from '../../src/core/config.js';
import { Discovery } from '../../src/core/discovery.js';
import { EventSource, onEvent } from '../../src/core/events.js';
import { addressOf } from '../../src/core/overlay-address.js';
import { systemRandom } from '../../src/core/random.js';
import type { RouterPeer } from '../../src/core/router.js';
import { FakeClock } from './fake-clock.js';

const own = '11'.repeat(32);
const keyOf = (name: string) => name.repeat(64);

/** A peering of the router, up and dialled by it. */
function peering(name: string, more: Partial<RouterPeer> = {}): RouterPeer {
  const measured = { bytesIn: 0, bytesOut: 0, latencyMs: 10, lastError: undefined };
  const peer = { key: keyOf(name), address: addressOf(keyOf(name)) };
  return { uri: `tcp://${name}:1`, up: true, inbound: false, ...peer, ...measured, ...more };
}

/** The neighbours of a router. */
function neighbourhood(config: Record<string, unknown> = {}) {
  const clock = new FakeClock();
  const settings = { current: parseConfig(JSON.stringify(config), 'test.conf') };
  const events = new EventSource('adjacent-test');
  const told: string[] = [];
  const stop = onEvent(({ agent, event }) => void (agent === 'adjacent-test' && told.push(event)));
  onTestFinished(stop);
  const discovery = new Discovery([], clock, systemRandom, events, settings);
  discovery.start({ key: own, address: addressOf(own), version: '0.5.14' });
  const wanted = () => discovery.wanted().map(({ key }) => key[0]);
  return { clock, discovery, told, wanted, find: (peerings: readonly RouterPeer[]) => findAdjacentAgents(peerings, discovery) };
}

describe('agents of adjacent routers', () => {
  it('that this router dialled are found for their services, and no others', () => {
    const { discovery, wanted, find } = neighbourhood();
    find([peering('a'), peering('b', { inbound: true }), peering('c', { up: false }), peering('d', { key: undefined })]);
    expect(wanted()).toEqual(['a']);
    expect(discovery.purposeOf(keyOf('a'))).toBe('services');
  });

  it('that allow and deny keep out leave their place to the next', () => {
    const { wanted, find } = neighbourhood({ deny: [keyOf('a')] });
    find(['a', 'b', 'c', 'd', 'e'].map((name) => peering(name)));
    expect(wanted()).toEqual(['b', 'c', 'd', 'e']);
  });

  it('are four at once, the nearest first, and stay the same when others come nearer', () => {
    const { wanted, find } = neighbourhood();
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    find(names.map((name, index) => peering(name, { latencyMs: 100 - index })));
    expect(wanted()).toEqual(['f', 'e', 'd', 'c']);
    find(names.map((name) => peering(name, { latencyMs: name === 'a' ? 1 : 100 })));
    expect(wanted()).toEqual(['f', 'e', 'd', 'c']);
  });

  it('that did not answer leave their place to the next, and are asked again after ten minutes', async () => {
    const { clock, discovery, wanted, find } = neighbourhood();
    const peerings = ['a', 'b', 'c', 'd', 'e'].map((name) => peering(name));
    find(peerings);
    discovery.tried(keyOf('a'));
    find(peerings);
    expect(wanted()).toEqual(['b', 'c', 'd', 'e']);
    await clock.advance(10 * 60_000 - 1);
    find([peering('a')]);
    expect(wanted()).not.toContain('a');
    await clock.advance(1);
    find([peering('a')]);
    expect(wanted()).toContain('a');
  });

  it('are told of once they have answered', () => {
    const { discovery, told, find } = neighbourhood();
    find([peering('a')]);
    expect(told).toEqual([]);
    discovery.greeted(keyOf('a'));
    discovery.confirm(keyOf('a'));
    expect(told).toEqual(['peer.found']);
  });

  it('are wanted for ten minutes after somebody last needed them', async () => {
    const { clock, wanted, find } = neighbourhood();
    find([peering('a')]);
    await clock.advance(10 * 60_000 - 1);
    expect(wanted()).toEqual(['a']);
    await clock.advance(1);
    expect(wanted()).toEqual([]);
  });
});
