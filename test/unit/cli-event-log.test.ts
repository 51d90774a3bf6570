import { afterEach, describe, expect, test } from 'vitest';
import { EventLog, type EventLogOptions } from '../../src/cli/event-log.js';
import { redact, shortenAddresses } from '../../src/cli/redaction.js';
import { type AgentEvents, type EventName, EventSource } from '../../src/core/events.js';

const peer = { key: 'ab'.repeat(32), address: '200:1234:5678:9abc::1' };
const attempt = { peer, attempt: '00'.repeat(16), strategy: 'tcp-hole-punching' };
const counters = { bytesIn: 1_500, bytesOut: 12, dropped: 4, transitIn: 0, transitOut: 0 };
const failure = { code: 'PUNCH_TIMEOUT', message: 'No connection came about.', help: 'Forward a port.' };
const addresses = {
  kind: 'direct' as const,
  local: '20.0.1.2:4000',
  remote: '[2a00:1:2::3]:5000',
  rttMs: 42.3,
  overlayRttMs: 121.6,
};

/** One of each. A new event fails to compile until it is here. */
const samples: { [Name in EventName]: AgentEvents[Name] } = {
  'agent.started': { version: '1.2.3' },
  'agent.stopped': {},
  'agent.reconfigured': { changed: ['stun'] },
  'platform.limited': { missing: 'no native part' },
  'plugin.loaded': { plugin: 'ratatoskr-strategy-x', strategy: 'x', version: '1.2.3', file: '/x/index.js' },
  'plugin.failed': { plugin: 'ratatoskr-strategy-x', ...failure },
  'leftovers.removed': { peers: ['a'], files: [] },
  'router.waiting': { admin: 'unix:///y.sock', code: 'ADMIN_UNREACHABLE', message: 'Nobody listens.', help: 'Start yggdrasil.' },
  'router.connected': { ...peer, admin: 'unix:///y.sock', version: '0.5.14' },
  'router.lost': { ...failure, admin: 'unix:///y.sock' },
  'network.changed': { addresses: ['wlan0 192.0.2.7'] },
  'discovery.failed': { source: 'hyperdht', code: 'DISCOVERY_FAILED', message: 'no node answers', retryInMs: 1000 },
  'peer.found': { peer, source: 'gossip', toldBy: peer },
  'peer.forgotten': { peer, source: 'hyperdht' },
  'session.seen': { peer },
  'session.ended': { peer },
  'signalling.listening': { address: '200:aaaa:bbbb::1', port: 4702 },
  'signalling.connected': { peer, role: 'controlling', agentVersion: '1.0.0', strategies: ['a', 'b'], rttMs: 5.25 },
  'services.heard': { peer, stun: [{ address: '20.0.1.2', port: 4703 }], relay: [] },
  'signalling.closed': { peer, ...failure },
  'signalling.failed': { ...failure, remote: peer.address, retryInMs: 60_000 },
  'attempt.started': { ...attempt, role: 'controlled' },
  'attempt.refused': { ...attempt, ...failure },
  'attempt.failed': { ...attempt, ...failure, durationMs: 900 },
  'path.proven': { ...attempt, ...addresses },
  'ladder.exhausted': { peer, failures: [{ ...failure, strategy: 'tcp-hole-punching' }], retryInMs: 7_500 },
  'peer.resting': { ...failure, peer, retryInMs: 60_000 },
  'bridge.failed': { ...attempt, ...failure },
  'bridge.up': { ...attempt, ...addresses, hidden: true, sinceSessionMs: 1_400, congestion: 'bbr' },
  'bridge.down': { ...attempt, ...failure, ageMs: 3_700_000, ...counters },
  'routes.mode': { mode: 'super', coordinator: 'routes.test:4705' },
  'routes.coordinated': { coordinator: 'routes.test:4705' },
  'routes.frozen': { coordinator: 'routes.test:4705', ...failure },
  log: { level: 'warn', name: 'stun.reply', fields: { server: 'x', n: 1 } },
};

const open: EventLog[] = [];
afterEach(() => {
  for (const log of open.splice(0)) log.close();
});

function logOf(options: Partial<EventLogOptions>, terminal = false, env: Record<string, string> = {}) {
  let text = '';
  const output = {
    isTTY: terminal,
    write: (chunk: string) => {
      text += chunk;
    },
  };
  const log = new EventLog({ level: 'debug', format: 'pretty', addresses: 'auto', ...options }, output, env);
  open.push(log);
  return { log, text: () => text };
}

function publish<Name extends EventName>(event: Name, payload: AgentEvents[Name] = samples[event], second = 0): void {
  new EventSource('test', () => Date.UTC(2030, 0, 2, 3, 4, 5, 6) + second * 1000).publish(event, payload);
}

function prettyOf<Name extends EventName>(event: Name, payload?: AgentEvents[Name]): string {
  const { text } = logOf({});
  publish(event, payload);
  return text().replace(/^\d\d:\d\d:\d\d /, '');
}

describe('pretty', () => {
  test('writes a line for each event, without holes', () => {
    for (const event of Object.keys(samples) as EventName[]) {
      const text = prettyOf(event);
      expect(text, event).toMatch(/^(debug|info |warn |error) \S/);
      expect(text, event).not.toMatch(/undefined|\[object|NaN/);
      for (const log of open.splice(0)) log.close();
    }
  });

  test('says all there is to a bridge in one line', () => {
    expect(prettyOf('bridge.up')).toBe(
      'info  bridge up with 200:1234:5678:9abc::1 by tcp-hole-punching: 20.0.1.2:4000 <-> [2a00:1:2::3]:5000, 42 ms instead of 122 ms, 1.4 s after the session, bbr\n',
    );
  });

  test('puts the next step on a line of its own', () => {
    expect(prettyOf('router.waiting')).toBe(
      'warn  waiting for the router at unix:///y.sock: Nobody listens (ADMIN_UNREACHABLE)\n               → Start yggdrasil.\n',
    );
  });

  test('lists the failures of all strategies, and each next step once', () => {
    const failures = [
      { ...failure, strategy: 'one' },
      { ...failure, strategy: 'two' },
    ];
    expect(prettyOf('ladder.exhausted', { peer, failures, retryInMs: 7_500 }).split('\n')).toEqual([
      'warn  no direct path to 200:1234:5678:9abc::1, next try in 7.5 s',
      '                 one: No connection came about (PUNCH_TIMEOUT)',
      '                 two: No connection came about (PUNCH_TIMEOUT)',
      '               → Forward a port.',
      '',
    ]);
  });

  test('shows a log line with its fields', () => {
    expect(prettyOf('log')).toBe('warn  stun.reply server=x n=1\n');
  });

  test('does not let the text of others move the cursor', () => {
    const text = prettyOf('signalling.closed', { peer, ...failure, message: '\u001b[2J\rgone' });
    expect(text).toContain('\uFFFD[2J\uFFFDgone');
  });

  test.each([
    ['a terminal', true, {}, true],
    ['a terminal with NO_COLOR', true, { NO_COLOR: '1' }, false],
    ['a pipe', false, {}, false],
  ])('on %s', (_where, terminal, env, coloured) => {
    const { text } = logOf({}, terminal, env as Record<string, string>);
    publish('agent.stopped');
    expect(text().includes('\u001b[')).toBe(coloured);
  });
});

describe('json', () => {
  function jsonOf<Name extends EventName>(event: Name, payload?: AgentEvents[Name]): unknown {
    const { text } = logOf({ format: 'json' });
    publish(event, payload);
    return JSON.parse(text());
  }

  test('has time, level, event and the payload side by side', () => {
    expect(jsonOf('agent.started')).toEqual({
      time: '2030-01-02T03:04:05.006Z',
      level: 'info',
      event: 'agent.started',
      agent: 'test',
      version: '1.2.3',
    });
  });

  test('gives a log line its own name, level and fields', () => {
    expect(jsonOf('log')).toMatchObject({ level: 'warn', event: 'stun.reply', server: 'x', n: 1 });
  });

  test('a field cannot pose as the level, time or event of its line', () => {
    const fields = { level: 'fake', time: 'fake', event: 'fake' };
    expect(jsonOf('log', { level: 'info', name: 'real', fields })).toMatchObject({
      level: 'info',
      event: 'real',
      _level: 'fake',
      _event: 'fake',
    });
  });

  test('errors among the fields keep their code and message', () => {
    const cause = Object.assign(new Error('no'), { code: 'ECONNRESET' });
    expect(jsonOf('log', { level: 'info', name: 'x', fields: { cause } })).toMatchObject({
      cause: { code: 'ECONNRESET', message: 'no' },
    });
  });

  test('is what "auto" means anywhere but on a terminal', () => {
    const pipe = logOf({ format: 'auto' });
    const terminal = logOf({ format: 'auto' }, true);
    publish('agent.stopped');
    expect(pipe.text()).toMatch(/^{.*}\n$/);
    expect(terminal.text()).not.toContain('{');
  });
});

describe('the level', () => {
  test('hides what is below it', () => {
    const { text } = logOf({ level: 'warn', format: 'json' });
    for (const event of Object.keys(samples) as EventName[]) publish(event);
    const levels = new Set(
      text()
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { level: string }).level),
    );
    expect(levels).toEqual(new Set(['warn']));
  });

  test('can change while running', () => {
    const { log, text } = logOf({ level: 'error' });
    publish('agent.stopped');
    log.reconfigure({ level: 'info', format: 'json', addresses: 'auto' });
    publish('agent.started');
    expect(JSON.parse(text())).toMatchObject({ event: 'agent.started' });
  });

  test.each(['pretty', 'json'] as const)('above debug shortens addresses and keys, in %s', (format) => {
    const { text } = logOf({ level: 'info', format });
    publish('bridge.up');
    expect(text()).toContain('20.0.x.x:4000');
    expect(text()).not.toMatch(/20\.0\.1\.2|2a00:1:2|5678|abababababab/);
  });

  test('debug shows them in full', () => {
    const { text } = logOf({ level: 'debug', format: 'json' });
    publish('bridge.up');
    expect(JSON.parse(text())).toMatchObject({ peer, local: '20.0.1.2:4000' });
  });
});

describe('addresses', () => {
  test.each([
    ['short', 'debug', '20.0.x.x:4000'],
    ['full', 'info', '20.0.1.2:4000'],
  ] as const)('that are to be %s are so at level %s, too', (addresses, level, shown) => {
    const { text } = logOf({ level, addresses, format: 'json' });
    publish('bridge.up');
    expect(text()).toContain(shown);
  });

  test('in full still show no secret', () => {
    const { text } = logOf({ level: 'info', addresses: 'full', format: 'json' });
    publish('log', { level: 'info', name: 'x', fields: { uri: 'unix:///a?password=hush', secret: 'hush' } });
    expect(text()).not.toContain('hush');
  });
});

describe('what repeats itself', () => {
  const lineCount = (text: string) => text.trim().split('\n').length;

  test('is written ten times, and then now and then with the number of lines that were left out', () => {
    const { text } = logOf({ level: 'info', format: 'json' });
    for (let second = 0; second < 60; second++) publish('router.lost', samples['router.lost'], second);
    const lines = text()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { leftOut?: number });
    expect(lines).toHaveLength(11);
    expect(lines[10]?.leftOut).toBeGreaterThan(10);
  });

  test('says so on a terminal, too', () => {
    const { text } = logOf({ level: 'info', format: 'pretty' });
    for (let line = 0; line < 14; line++) publish('router.lost');
    publish('router.lost', samples['router.lost'], 60);
    expect(text()).toContain('4 lines like this one left out before it');
  });

  test('is one matter for one peer and reason: others are written all the same', () => {
    const { text } = logOf({ level: 'info', format: 'json' });
    for (let line = 0; line < 20; line++) publish('bridge.failed');
    expect(lineCount(text())).toBe(10);
    publish('bridge.failed', { ...samples['bridge.failed'], code: 'OTHER' });
    publish('bridge.failed', { ...samples['bridge.failed'], peer: { key: 'c', address: '200::c' } });
    expect(lineCount(text())).toBe(12);
  });

  test('is written in full at debug', () => {
    const { text } = logOf({ level: 'debug', format: 'json' });
    for (let line = 0; line < 20; line++) publish('bridge.failed');
    expect(lineCount(text())).toBe(20);
  });
});

test('nothing is written after close', () => {
  const { log, text } = logOf({});
  log.close();
  publish('agent.stopped');
  expect(text()).toBe('');
});

describe('redaction', () => {
  test.each([
    ['20.0.1.2:4000', '20.0.x.x:4000'],
    ['tcp://20.0.1.2:1', 'tcp://20.0.x.x:1'],
    ['from 20.0.1.2 to 20.0.3.4.', 'from 20.0.x.x to 20.0.x.x.'],
    ['[2a00:1:2::3]:5000', '[2a00:1:…]:5000'],
    ['200:1234:5678::1', '200:1234:…'],
    ['::ffff:20.0.1.2', '0:0:…'],
    [`key ${'ab'.repeat(32)}!`, 'key abababab…!'],
    ['192.168.1.2 10.0.0.1 127.0.0.1 ::1 fe80::1', '192.168.1.2 10.0.0.1 127.0.0.1 ::1 fe80::1'],
    ['version 0.5.14 at 12:30:45, 1.2.3.4.5', 'version 0.5.14 at 12:30:45, 1.2.3.4.5'],
    ['error: code: ENOENT', 'error: code: ENOENT'],
  ])('%s is shown as %s', (text, shown) => {
    expect(shortenAddresses(text)).toBe(shown);
  });

  test.each(['secret', 'password', 'linkPassword', 'token'])('a field named %s is never shown', (name) => {
    expect(redact({ deep: [{ [name]: 'hush' }] }, true)).toEqual({ deep: [{ [name]: '[redacted]' }] });
  });

  test('passwords within URIs go too', () => {
    expect(redact('unix:///a.sock?key=1&password=hush&x=2', true)).toBe('unix:///a.sock?key=1&password=[redacted]&x=2');
  });

  test('bytes and circles do no harm', () => {
    const circle: Record<string, unknown> = { bytes: new Uint8Array(3) };
    circle.self = circle;
    expect(JSON.stringify(redact(circle, true))).toContain('3 bytes');
  });
});
