import { describe, expect, it } from 'vitest';
import { explanationText } from '../../src/cli/explanation-text.js';
import { statusText } from '../../src/cli/status-text.js';
import { explanationSchema, statusSchema } from '../../src/control/schemas.js';
import { StatusBook } from '../../src/control/status-book.js';
import type { AgentEvent, AgentEvents, EventName } from '../../src/core/events.js';

const peer = { key: '1'.repeat(64), address: '200:aaaa::1' };
const failure = { code: 'PUNCH_TIMEOUT', message: 'No connection came through.', help: 'Open a port.' };
const bridge = {
  kind: 'direct',
  local: '192.168.1.2:4000',
  remote: '192.0.2.7:5000',
  rttMs: 42,
  overlayRttMs: 123,
  hidden: true,
} as const;
const startedAt = Date.UTC(2030, 0, 1);

/** A book that has been told of events a second apart, and the time of the last. */
function bookOf(...events: { [Name in EventName]: [Name, AgentEvents[Name]] }[EventName][]) {
  const book = new StatusBook({ version: '1.2.3', pid: 77, startedAt });
  let time = startedAt;
  for (const [event, payload] of events) {
    time += 1000;
    book.read({ event, agent: 'a', time, ...payload } as AgentEvent);
  }
  return { book, now: time };
}

const attempt = (id: string, strategy = 'tcp-hole-punching') => ({ peer, attempt: id, strategy });
const up = (id: string) => ['bridge.up', { ...attempt(id), ...bridge, sinceSessionMs: 900 }] as const;
const down = (id: string, code: string) => {
  const traffic = { ageMs: 5000, bytesIn: 1, bytesOut: 2, dropped: 0, transitIn: 0, transitOut: 0 };
  return ['bridge.down', { ...attempt(id), ...failure, code, ...traffic }] as const;
};

describe('the status', () => {
  it('of an agent without a router says that it waits, and what to do', () => {
    const waiting = { ...failure, code: 'ADMIN_UNREACHABLE', message: 'Nobody listens', admin: 'unix:///y.sock' };
    const { book, now } = bookOf(['router.waiting', waiting]);
    expect(statusSchema.parse(book.status()).router).toMatchObject({ state: 'waiting', failure: { code: 'ADMIN_UNREACHABLE' } });
    expect(statusText(book.status(), now)).toContain('waiting: Nobody listens (ADMIN_UNREACHABLE)\n  → Open a port.');
  });

  it('shows a bridge from the moment it is up until it is down, and then why', () => {
    const { book, now } = bookOf(['session.seen', { peer }], [...up('a')]);
    expect(book.status().peers).toMatchObject([{ session: true, bridge: { kind: 'direct', rttMs: 42, relay: null } }]);
    expect(statusText(book.status(), now)).toContain(
      '200:aaaa::1  direct, by tcp-hole-punching\n  42 ms, over the overlay 123 ms',
    );
    book.read({ event: 'bridge.down', agent: 'a', time: now, ...down('a', 'PATH_CLOSED')[1] });
    expect(book.status().peers).toMatchObject([{ bridge: null, failure: { code: 'PATH_CLOSED' } }]);
    expect(statusText(book.status(), now)).toContain('200:aaaa::1  not bridged');
  });

  it('says who chooses routes, and since when they are frozen', () => {
    const coordinator = 'routes.test:4705';
    const frozen = { coordinator, ...failure, code: 'COORDINATOR_UNREACHABLE' };
    const { book, now } = bookOf(['session.seen', { peer }], ['routes.mode', { mode: 'super', coordinator }]);
    expect(statusText(book.status(), now)).toContain('routes   super: as routes.test:4705 says\n');
    book.read({ event: 'routes.frozen', agent: 'a', time: now, ...frozen });
    expect(statusSchema.parse(book.status()).routes).toMatchObject({ mode: 'super', frozenSince: new Date(now).toISOString() });
    const line = 'says; frozen for 2.0 s: No connection came through. (COORDINATOR_UNREACHABLE)\n  → Open a port.';
    expect(statusText(book.status(), now + 2000)).toContain(line);
    expect(explanationText(explanationSchema.parse(book.explain(peer.key)), now + 2000)).toContain(line);
    book.read({ event: 'routes.coordinated', agent: 'a', time: now, coordinator });
    expect(book.status().routes).toMatchObject({ frozenSince: null, failure: null });
  });

  it('goes on showing a bridge when the one that it replaced goes down', () => {
    const { book } = bookOf([...up('a')], [...up('b')], [...down('a', 'PATH_SUPERSEDED')]);
    expect(book.status().peers).toMatchObject([{ bridge: { attempt: 'b' }, failure: null }]);
  });

  it('says which discovery sources tell of a peer, as long as they do', () => {
    const { book, now } = bookOf(['peer.found', { peer, source: 'static' }], ['peer.found', { peer, source: 'hyperdht' }]);
    expect(statusText(book.status(), now)).toContain('200:aaaa::1  not bridged, no session, found by static, hyperdht');
    book.read({ event: 'peer.forgotten', agent: 'a', time: now, peer, source: 'hyperdht' });
    expect(book.status().peers).toMatchObject([{ session: false, foundBy: ['static'] }]);
  });

  it('says who told of a peer and what it offers, while that is so', () => {
    const teller = { key: 'bb'.repeat(32), address: '200:bbbb::1' };
    const { book, now } = bookOf(
      ['peer.found', { peer, source: 'gossip', toldBy: teller }],
      ['services.heard', { peer, stun: [], relay: [{ address: '20.0.1.2', port: 4703 }] }],
    );
    const text = statusText(book.status(), now);
    expect(text).toContain('found by gossip, told by 200:bbbb::1');
    expect(text).toContain('relays at 20.0.1.2:4703');
    book.read({ event: 'signalling.closed', agent: 'a', time: now, peer, code: 'PEER_LEFT', message: 'gone' });
    book.read({ event: 'peer.forgotten', agent: 'a', time: now, peer, source: 'gossip' });
    expect(book.status().peers).toMatchObject([{ toldBy: null, services: { stun: [], relay: [] } }]);
  });

  it('says when an exhausted ladder is climbed again', () => {
    const failures = [{ strategy: 'tcp-hole-punching', ...failure }];
    const { book, now } = bookOf(['ladder.exhausted', { peer, failures, retryInMs: 30_000 }]);
    expect(statusText(book.status(), now)).toContain('No connection came through. (PUNCH_TIMEOUT); next try in 30.0 s');
  });

  it('remembers no more peers than it may, and those with a bridge the longest', () => {
    const { book } = bookOf([...up('a')]);
    for (let n = 0; n < 3000; n++) {
      const other = { key: n.toString(16).padStart(64, '0'), address: `200::${n.toString(16)}` };
      book.read({ event: 'session.seen', agent: 'a', time: startedAt, peer: other });
    }
    expect(book.status().peers).toHaveLength(1024);
    expect(book.explain(peer.key)?.peer.bridge).not.toBeNull();
  });
});

describe('an explanation', () => {
  const story = bookOf(
    ['session.seen', { peer }],
    ['attempt.started', { ...attempt('a', 'port-mapping'), role: 'controlling' }],
    ['attempt.started', { ...attempt('b'), role: 'controlling' }],
    ['attempt.failed', { ...attempt('a', 'port-mapping'), ...failure, code: 'MAPPING_UNSUPPORTED', durationMs: 1000 }],
    ['path.proven', { ...attempt('b'), ...bridge }],
  );

  it('is found by key and by address, in whatever case', () => {
    for (const name of [peer.key, peer.address, peer.address.toUpperCase()]) expect(story.book.explain(name)).toBeDefined();
    expect(story.book.explain('200::2')).toBeUndefined();
  });

  it('tells each attempt in its order, with its outcome', () => {
    const explanation = explanationSchema.parse(story.book.explain(peer.key));
    expect(explanation.attempts.map(({ strategy, outcome }) => [strategy, outcome])).toEqual([
      ['port-mapping', 'failed'],
      ['tcp-hole-punching', 'path'],
    ]);
    const text = explanationText(explanation, story.now);
    expect(text).toContain(
      '+0 ms   port-mapping: failed after 2.0 s\n            No connection came through. (MAPPING_UNSUPPORTED)',
    );
    expect(text).toContain('+1.0 s   tcp-hole-punching: path\n            direct, 192.168.1.2:4000 <-> 192.0.2.7:5000, 42 ms');
    expect(text).toContain('what to do\n  → Open a port.');
  });

  it('keeps the last attempts when there are many', () => {
    const { book } = bookOf();
    for (let n = 0; n < 500; n++) {
      book.read({ event: 'attempt.started', agent: 'a', time: startedAt, ...attempt(String(n)), role: 'controlled' });
    }
    expect(book.explain(peer.key)?.attempts).toHaveLength(64);
    expect(book.explain(peer.key)?.attempts.at(-1)?.attempt).toBe('499');
  });
});
