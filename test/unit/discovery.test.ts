import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/core/config.js';
import { Discovery } from '../../src/core/discovery.js';
import type { DiscoveryContext, DiscoverySource, FoundPeer } from '../../src/core/discovery-source.js';
import { type AgentEvent, EventSource, onEvent } from '../../src/core/events.js';
import { addressOf } from '../../src/core/overlay-address.js';
import { systemRandom } from '../../src/core/random.js';
import { FakeClock } from './fake-clock.js';

const own = '11'.repeat(32);
const key = 'ee'.repeat(32);
const self = { key: own, address: addressOf(own), version: '0.5.14' };
const keyNumber = (number: number) => number.toString(16).padStart(64, 'a');

/** Discovery with sources that tell what the test makes them tell. */
function discover(names: readonly string[] = ['first'], config: Record<string, unknown> = {}) {
  const clock = new FakeClock();
  const contexts = new Map<string, DiscoveryContext>();
  const sources = names.map((name): DiscoverySource => ({ name, run: async (context) => void contexts.set(name, context) }));
  const settings = { current: parseConfig(JSON.stringify(config), 'test.conf') };
  const discovery = new Discovery(sources, clock, systemRandom, new EventSource('discovery-test'), settings);
  discovery.start(self);
  const found = (told = key, expiresInMs = 60_000, keepTrying = false, source = names[0] ?? '', more: Partial<FoundPeer> = {}) =>
    contexts.get(source)?.found({ key: told, expiresInMs, keepTrying, ...more });
  return { clock, discovery, found };
}

describe('a find', () => {
  it('is wanted until it expires, and longer when it is told of again', async () => {
    const { clock, discovery, found } = discover();
    found();
    await clock.advance(50_000);
    found();
    await clock.advance(50_000);
    expect(discovery.wanted()).toEqual([{ key, address: addressOf(key) }]);
    await clock.advance(10_000);
    expect(discovery.wanted()).toEqual([]);
  });

  it('is wanted as long as one of its sources tells of it', async () => {
    const { clock, discovery, found } = discover(['first', 'second']);
    found(key, 60_000);
    found(key, 1000, false, 'second');
    await clock.advance(1000);
    expect(discovery.wanted()).toHaveLength(1);
  });

  it('of this agent’s own router is none', () => {
    const { discovery, found } = discover();
    found(own);
    expect(discovery.wanted()).toEqual([]);
  });

  it('that allow and deny keep out is none', () => {
    const { discovery, found } = discover(['first'], { deny: [key] });
    found();
    expect(discovery.wanted()).toEqual([]);
  });

  it('that the operator named comes first', () => {
    const { discovery, found } = discover(['first', 'second']);
    found(keyNumber(1));
    found(keyNumber(2), Number.POSITIVE_INFINITY, true, 'second');
    expect(discovery.wanted().map((peer) => peer.key)).toEqual([keyNumber(2), keyNumber(1)]);
  });

  it('is told of by its source’s name, once, and so is its end', async () => {
    const events: AgentEvent[] = [];
    const unsubscribe = onEvent((event) => event.agent === 'discovery-test' && events.push(event));
    const { clock, discovery, found } = discover();
    found();
    found();
    await clock.advance(60_000);
    discovery.wanted();
    unsubscribe();
    expect(events).toMatchObject([
      { event: 'peer.found', source: 'first', peer: { key } },
      { event: 'peer.forgotten', source: 'first', peer: { key } },
    ]);
  });

  it('is forgotten with the router, and its source is told that it is over', async () => {
    const { discovery, found } = discover();
    found();
    await discovery.stop(new Error('The router is gone.'));
    found();
    expect(discovery.wanted()).toEqual([]);
  });

  it('of one source too many does not push out another', () => {
    const { discovery, found } = discover(['first'], { signalling: { maxPeers: 2 } });
    for (const number of [1, 2, 3]) found(keyNumber(number));
    expect(discovery.wanted().map((peer) => peer.key)).toEqual([keyNumber(1), keyNumber(2)]);
  });
});

describe('a peer that is wanted for its services', () => {
  const visited = (discovering: ReturnType<typeof discover>, more: Partial<FoundPeer> = {}) =>
    discovering.found(key, 60_000, false, 'first', { purpose: 'services', ...more });

  it('is wanted for a path as soon as one source says so', () => {
    const discovering = discover(['first', 'second']);
    visited(discovering);
    expect(discovering.discovery.purposeOf(key)).toBe('services');
    discovering.found(key, 60_000, false, 'second');
    expect(discovering.discovery.purposeOf(key)).toBe('path');
  });

  it('is told of with the agent that told', () => {
    const events: AgentEvent[] = [];
    const unsubscribe = onEvent((event) => event.event === 'peer.found' && events.push(event));
    visited(discover(), { toldBy: own });
    unsubscribe();
    expect(events).toMatchObject([{ peer: { key }, toldBy: { key: own, address: addressOf(own) } }]);
  });

  it.each([true, false])('has its source hear once whether it has answered (%s)', (answered) => {
    const heard: boolean[] = [];
    const discovering = discover();
    visited(discovering, { asked: (outcome) => heard.push(outcome) });
    if (answered) discovering.discovery.confirm(key);
    discovering.discovery.tried(key);
    discovering.discovery.tried(key);
    expect(heard).toEqual([answered]);
  });
});

describe('a false record', () => {
  it('costs one question, however often it is told', async () => {
    const { clock, discovery, found } = discover();
    found();
    discovery.tried(key);
    for (let minute = 0; minute < 9; minute++) {
      await clock.advance(60_000);
      found();
      expect(discovery.wanted()).toEqual([]);
    }
    await clock.advance(60_000);
    found();
    expect(discovery.wanted()).toHaveLength(1);
  });

  it('is no longer one when its subject confirms it', () => {
    const { discovery, found } = discover();
    found();
    discovery.tried(key);
    discovery.confirm(key);
    discovery.tried(key);
    expect(discovery.wants(key)).toBe(true);
  });

  it('does not exist where the operator named the peer', () => {
    const { discovery, found } = discover();
    found(key, Number.POSITIVE_INFINITY, true);
    discovery.tried(key);
    expect(discovery.wants(key)).toBe(true);
  });

  it('in great numbers costs a question a second in the long run', async () => {
    const { clock, discovery } = discover();
    const asked = () => Array.from({ length: 100 }, (_, number) => discovery.mayAsk(keyNumber(number))).filter(Boolean).length;
    expect(asked()).toBe(16);
    await clock.advance(5000);
    expect(asked()).toBe(5);
  });
});

describe('a source', () => {
  it('that fails runs again after growing pauses, and the failure is told with a next step', async () => {
    const failures: AgentEvent[] = [];
    const unsubscribe = onEvent((event) => event.event === 'discovery.failed' && failures.push(event));
    const clock = new FakeClock();
    let runs = 0;
    const run = async () => {
      runs += 1;
      throw new Error('no node answers');
    };
    const settings = { current: parseConfig('{}', 'test.conf') };
    const discovery = new Discovery([{ name: 'lost', run }], clock, systemRandom, new EventSource('lost'), settings);
    discovery.start(self);
    await clock.advance(10_000);
    unsubscribe();
    expect(runs).toBeGreaterThan(2);
    expect(runs).toBeLessThan(6);
    const told = { source: 'lost', code: 'DISCOVERY_FAILED', message: 'no node answers', help: expect.any(String) };
    expect(failures[0]).toMatchObject(told);
    await discovery.stop(new Error('over'));
    expect(clock.pending).toBe(0);
  });
});
