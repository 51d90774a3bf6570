import { describe, expect, it } from 'vitest';
import { parseTurnUri } from '../../src/core/config/turn-uri.js';
import { defaultConfig, parseConfig } from '../../src/core/config.js';
import { worthHaving } from '../../src/core/path-worth.js';
import { parseRelayMessage } from '../../src/strategies/relay/messages.js';
import { mayBePlace, mayBeRelay } from '../../src/strategies/relay/peer-address.js';
import {
  chooseRoutes,
  describeRoute,
  type ListedRelay,
  type RelayNames,
  worthMoving,
} from '../../src/strategies/relay/route-choice.js';
import { type ToldWay, toldRoutes } from '../../src/strategies/relay/told-routes.js';

/** A relay that both ends reach: round trips, or times from and to each end, whose clocks are an hour apart. */
const reached = (name: string, own: number, other: number): ListedRelay => ({
  name,
  own: { rttMs: own },
  other: { rttMs: other },
});
const hourMs = 3_600_000;
const timed = (name: string, near: [number, number], far: [number, number]): ListedRelay => ({
  name,
  own: { rttMs: near[0] + near[1], oneWay: { outMs: near[0] - hourMs, inMs: near[1] + hourMs } },
  other: { rttMs: far[0] + far[1], oneWay: { outMs: far[0] + hourMs, inMs: far[1] - hourMs } },
});
const choose = (controlling: ListedRelay[], controlled: ListedRelay[] = []) =>
  chooseRoutes({ controlling, controlled }).map(describeRoute);

describe('the order of relays', () => {
  it('is by the round trip of the whole path, whoever asks the relay', () => {
    const lists = { controlling: [reached('a', 10, 80), reached('b', 50, 20)], controlled: [reached('c', 5, 40)] };
    expect(chooseRoutes(lists).map(({ step }) => step)).toEqual([
      { opener: 'controlled', index: 0 },
      { opener: 'controlling', index: 1 },
      { opener: 'controlling', index: 0 },
    ]);
  });

  it('leaves out what only one end reaches', () => {
    expect(choose([{ name: 'a', own: { rttMs: 1 }, other: undefined }, reached('b', 9, 9)])).toEqual(['b']);
  });

  it('of equals keeps what the operator prefers, at the controlling end first', () => {
    expect(choose([reached('a', 7, 7), reached('b', 7, 7)], [reached('c', 7, 7)])).toEqual(['a', 'b', 'c']);
  });
});

describe('a way back over another relay', () => {
  // Out over the first takes 10 ms and back 100; over the second it is the other way round.
  const [outward, homeward] = [timed('outward', [5, 50], [50, 5]), timed('homeward', [50, 5], [5, 50])];

  it('is taken first when the round trip is clearly shorter, whatever the clocks say', () => {
    const [route] = chooseRoutes({ controlling: [homeward, outward], controlled: [] });
    expect(route).toMatchObject({ out: ['outward'], back: ['homeward'], rttMs: 20 });
    expect(route?.step).toEqual({ opener: 'controlling', index: 1, back: { opener: 'controlling', index: 0 } });
  });

  it('is not taken for a gain that may be noise', () => {
    expect(choose([timed('one', [50, 50], [50, 50]), timed('other', [48, 52], [52, 48])])[0]).not.toContain('out');
  });

  it('needs relays that tell their time', () => {
    expect(choose([reached('a', 55, 55), reached('b', 55, 55)])).toEqual(['a', 'b']);
  });

  it('is not taken when its times make less than nothing', () => {
    const liar = timed('liar', [-500, 600], [50, 50]);
    expect(choose([timed('honest', [10, 10], [10, 10]), liar])).toEqual(['honest', 'liar']);
  });
});

describe('a way over two relays in a row', () => {
  const link = (to: string, outMs: number, inMs: number) => ({ links: new Map([[to, { outMs, inMs }]]) });
  // The first is near to the controlling end, the second to the other, and both to each other.
  const [first, second] = [timed('first', [5, 5], [100, 100]), timed('second', [100, 100], [5, 5])];
  const seenFromThere = ({ name, own, other = own }: ListedRelay): ListedRelay => ({ name, own: other, other: own });
  const tenMs = link('second', 10, 10);

  it('is taken where it is clearly shorter, there and back, as one step', () => {
    const [route] = chooseRoutes({ controlling: [{ ...first, ...tenMs }, second], controlled: [] });
    expect(route).toMatchObject({ out: ['first', 'second'], back: ['second', 'first'], rttMs: 40 });
    expect(route?.step).toEqual({ opener: 'controlling', index: 0, next: { opener: 'controlling', index: 1 } });
  });

  it('is taken in one direction where it is shorter in that alone', () => {
    const oneWay = { ...first, ...link('second', 10, 300) };
    const quickBack = timed('quick back', [100, 5], [5, 100]);
    expect(choose([oneWay, second, quickBack])[0]).toBe('first then second out, quick back back');
  });

  it('is asked for by each end at its own relay where neither has both', () => {
    const [route] = chooseRoutes({ controlling: [{ ...first, ...tenMs }], controlled: [seenFromThere(second)] });
    expect(route?.step).toEqual({ opener: 'controlling', index: 0, next: { opener: 'controlled', index: 0 } });
  });

  it('is none where each end could ask the farther relay alone', () => {
    const lists = { controlling: [{ ...second, ...link('first', 10, 10) }], controlled: [seenFromThere(first)] };
    expect(chooseRoutes(lists).map(describeRoute)).toEqual(['second', 'first']);
  });

  it('is not taken for a gain that may be noise', () => {
    const slow = { ...first, ...link('second', 90, 90) };
    expect(choose([slow, second])[0]).not.toContain('then');
  });

  it('is kept while none is clearly shorter', () => {
    const lists = { controlling: [{ ...first, ...tenMs }, second], controlled: [] };
    const current = { out: ['first', 'second'], back: ['second', 'first'] };
    expect(worthMoving(lists, chooseRoutes(lists), current)).toBe(false);
  });
});

describe('relays that somebody names', () => {
  const lists = { controlling: [reached('a', 1, 1), reached('b', 50, 50)], controlled: [reached('c', 5, 5)] };
  const over = (told: { out?: ToldWay[]; back?: ToldWay[] }) => toldRoutes(lists, told).map(describeRoute);

  it('are tried in their order, however far they are', () => {
    expect(over({ out: [['b'], ['a']] })).toEqual(['b', 'a']);
  });

  it('for one direction alone carry both', () => {
    expect(over({ back: [['c']] })).toEqual(['c']);
    expect(over({ out: [['a', 'b']] })).toEqual(['a then b']);
    expect(over({ back: [['b', 'a']] })).toEqual(['a then b']);
  });

  it('for each direction are two, unless they are the same', () => {
    expect(over({ out: [['a'], ['b']], back: [['b']] })).toEqual(['a out, b back', 'b']);
    expect(over({ out: [['a', 'b']], back: [['b', 'a']] })).toEqual(['a then b']);
  });

  it('may be two in a row in one direction and another way back', () => {
    const [route] = toldRoutes(lists, { out: [['a', 'c']], back: [['b']] });
    expect(route).toMatchObject({ out: ['a', 'c'], back: ['b'] });
    const [a, b, c] = [0, 1, 0].map((index, at) => ({ opener: at < 2 ? 'controlling' : 'controlled', index }));
    expect(route?.step).toEqual({ ...a, next: c, back: b });
  });

  it('that one of the ends does not reach are left out', () => {
    expect(over({ out: [['elsewhere'], ['c']] })).toEqual(['c']);
    expect(over({ out: [['elsewhere']], back: [['a']] })).toEqual([]);
    expect(over({ out: [['a', 'elsewhere']] })).toEqual([]);
  });

  it('are left out where nobody can join them in a row', () => {
    expect(over({ out: [['c', 'a']] })).toEqual([]);
    expect(over({ out: [['a', 'a']] })).toEqual([]);
  });

  it('are known by where they are, however they are met', () => {
    const datagrams = { controlling: [reached('192.0.2.1:3478/udp', 1, 1)], controlled: [] };
    expect(toldRoutes(datagrams, { out: [['192.0.2.1:3478']] }).map(describeRoute)).toEqual(['192.0.2.1:3478/udp']);
  });

  it('take what the ends have measured, where they have', () => {
    const [first, second] = [timed('first', [5, 5], [100, 100]), timed('second', [100, 100], [5, 5])];
    const row = { out: [['first', 'second']] };
    const [unknown] = toldRoutes({ controlling: [first, second], controlled: [] }, row);
    expect(unknown?.rttMs).toBe(Infinity);
    const links = new Map([['second', { outMs: 10, inMs: 10 }]]);
    const [known] = toldRoutes({ controlling: [{ ...first, links }, second], controlled: [] }, row);
    expect(known?.rttMs).toBe(40);
  });
});

describe('a path in use', () => {
  const lists = (current: ListedRelay, other: ListedRelay) => ({ controlling: [current, other], controlled: [] });
  const over = (out: string, back = out): RelayNames => ({ out: [out], back: [back] });
  const moves = (which: ReturnType<typeof lists>, current: RelayNames) => worthMoving(which, chooseRoutes(which), current);

  it('stays where another is shorter by what may be noise', () => {
    expect(moves(lists(reached('current', 50, 50), reached('other', 46, 46)), over('current'))).toBe(false);
  });

  it('moves where another is clearly shorter', () => {
    expect(moves(lists(reached('current', 50, 50), reached('other', 30, 30)), over('current'))).toBe(true);
  });

  it('moves when its relay is no longer reached', () => {
    expect(moves(lists(reached('another', 50, 50), reached('other', 50, 50)), over('current'))).toBe(true);
  });

  it('over two relays stays while no other pair is clearly shorter', () => {
    const which = lists(timed('outward', [5, 50], [50, 5]), timed('homeward', [50, 5], [5, 50]));
    expect(moves(which, over('outward', 'homeward'))).toBe(false);
    expect(moves(which, over('homeward', 'outward'))).toBe(true);
  });

  it('stays where it is what was named, though nobody has measured it', () => {
    const which = lists(reached('current', 50, 50), reached('other', 1, 1));
    const named = toldRoutes(which, { out: [['current', 'other']] });
    expect(worthMoving(which, named, { out: ['current', 'other'], back: ['other', 'current'] })).toBe(false);
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
