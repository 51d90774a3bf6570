import { describe, expect, it } from 'vitest';
import { parseTurnUri } from '../../src/core/config/turn-uri.js';
import { defaultConfig, parseConfig } from '../../src/core/config.js';
import { worthHaving } from '../../src/core/path-worth.js';
import { parseRelayMessage } from '../../src/strategies/relay/messages.js';
import { mayBePlace, mayBeRelay } from '../../src/strategies/relay/peer-address.js';
import { chooseSteps } from '../../src/strategies/relay/route-choice.js';

describe('the order of relays', () => {
  it('is by the round trip of the whole path, whoever asks the relay', () => {
    const steps = chooseSteps({
      controlling: { own: [10, 50], other: [80, 20] },
      controlled: { own: [5], other: [40] },
    });
    expect(steps).toEqual([
      { opener: 'controlled', index: 0 },
      { opener: 'controlling', index: 1 },
      { opener: 'controlling', index: 0 },
    ]);
  });

  it('leaves out what only one end reaches', () => {
    const none = { own: [], other: [] };
    expect(chooseSteps({ controlling: { own: [1, 9], other: [undefined, 9] }, controlled: none })).toEqual([
      { opener: 'controlling', index: 1 },
    ]);
  });

  it('of equals keeps what the operator prefers, at the controlling end first', () => {
    const same = { own: [7, 7], other: [7, 7] };
    expect(chooseSteps({ controlling: same, controlled: same }).slice(0, 2)).toEqual([
      { opener: 'controlling', index: 0 },
      { opener: 'controlling', index: 1 },
    ]);
  });
});

describe('what a peer may make us connect to', () => {
  it.each(['127.0.0.1', '169.254.169.254', '192.168.1.1', '10.0.0.1', '224.0.0.1', '200::1', 'fe80::1', '0.0.0.0'])(
    '%s is no relay and no place at one',
    (address) => {
      expect(mayBeRelay(address, [])).toBe(false);
      expect(mayBePlace({ address, port: 50_000 }, '20.0.0.1')).toBe(false);
    },
  );

  it('a private address is one when our operator has named a relay there too', () => {
    expect(mayBeRelay('192.168.1.1', ['192.168.1.1'])).toBe(true);
    expect(mayBePlace({ address: '192.168.1.1', port: 50_000 }, '192.168.1.1')).toBe(true);
  });

  it.each([22, 25, 80, 0])('port %i is nobody’s relay', (port) => {
    const relays = [{ address: '20.0.0.1', port, secure: false, rttMs: 1 }];
    expect(parseRelayMessage({ type: 'offer', relays })).toBeUndefined();
    expect(parseRelayMessage({ type: 'place', step: 0, address: '20.0.0.1', port })).toBeUndefined();
  });
});

describe('a path', () => {
  const verdict = (kind: 'direct' | 'relayed', rttMs: number, use: 'never' | 'faster' | 'always', evenIfSlower = false) =>
    worthHaving(kind, { rttMs, overlayRttMs: 100 }, { bridge: { evenIfSlower }, relay: { use } });

  it.each([
    [95, true],
    [96, false],
    [100, false],
    [300, false],
  ])('of %i ms by relay against 100 ms over the overlay is clearly faster: %s', (rttMs, worth) => {
    expect(verdict('relayed', rttMs, 'faster')).toBe(worth);
  });

  it('on a short overlay route needs to gain a tenth only', () => {
    const config = { bridge: { evenIfSlower: false }, relay: { use: 'faster' } } as const;
    expect(worthHaving('relayed', { rttMs: 9, overlayRttMs: 10 }, config)).toBe(true);
    expect(worthHaving('relayed', { rttMs: 9.5, overlayRttMs: 10 }, config)).toBe(false);
  });

  it('by relay is used however slow when the operator says always, and never when he says never', () => {
    expect(verdict('relayed', 500, 'always')).toBe(true);
    expect(verdict('relayed', 1, 'never')).toBe(false);
  });

  it('that is direct goes by bridge.evenIfSlower alone', () => {
    expect(verdict('direct', 500, 'always')).toBe(false);
    expect(verdict('direct', 500, 'never', true)).toBe(true);
    expect(verdict('relayed', 500, 'faster', true)).toBe(false);
  });
});

describe('a TURN server in the configuration', () => {
  it.each([
    ['turn:u:s@host', { host: 'host', port: 3478, transport: 'tcp', user: 'u', secret: 's' }],
    ['turns:u:s@host', { host: 'host', port: 5349, transport: 'tls', user: 'u', secret: 's' }],
    ['turn:u@[2001:db8::1]:99', { host: '2001:db8::1', port: 99, transport: 'tcp', user: 'u', secret: undefined }],
    ['turn:u:s:t@1.2.3.4:5?transport=udp', { host: '1.2.3.4', port: 5, transport: 'udp', user: 'u', secret: 's:t' }],
    ['turn:a%40b:%3A%2F@h:1', { host: 'h', port: 1, transport: 'tcp', user: 'a@b', secret: ':/' }],
  ])('%s', (text, uri) => {
    expect(parseTurnUri(text)).toEqual(uri);
  });

  it.each([
    'turn:host:1',
    'stun:u:s@h:1',
    'turn:u:@h:1',
    'turn::s@h:1',
    'turn:u:s@h:0',
    'turns:u:s@h?transport=udp',
    'turn:%:s@h',
  ])('%s is refused', (text) => {
    expect(parseTurnUri(text)).toBeUndefined();
  });

  it('is a URI, or an object with more', () => {
    const relay = { turn: ['turn:u:s@h', { uri: 'turn:u@h', secretFile: '/run/secret', auth: 'shared-secret' }] };
    const { turn, use } = parseConfig(JSON.stringify({ relay }), 'test.conf').relay;
    expect(use).toBe('faster');
    expect(turn).toMatchObject([
      { uri: { host: 'h' }, auth: 'password' },
      { uri: { secret: undefined }, secretFile: '/run/secret', auth: 'shared-secret' },
    ]);
    expect(defaultConfig().relay.turn).toEqual([]);
  });

  it.each([
    { relay: { turn: ['turn:u:hunter2@h:0'] } },
    { relay: { turn: 'turn:u:hunter2@h:1' } },
    { relay: { turn: [{ uri: 'turn:u:hunter2:h:1' }] } },
    { relay: { turn: [{ uri: 'turn:u:hunter2@h:0', secretFile: 'here' }] } },
    { relay: { turn: [{ uri: 'turn:u:hunter2@h', wrong: 1 }] } },
    { relay: { turn: [['turn:u:hunter2@h']] } },
    { relay: 'turn:u:hunter2@h:1' },
    { stun: ['turn:u:hunter2@h:1'] },
  ])('with a mistake is refused without showing its secret: %j', (config) => {
    let message = '';
    try {
      parseConfig(JSON.stringify(config), 'test.conf');
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toMatch(/must be|there is no key/);
    expect(message).not.toContain('hunter2');
  });
});
