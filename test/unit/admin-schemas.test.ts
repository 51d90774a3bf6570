import { describe, expect, it } from 'vitest';
import { checkRouterVersion, prefersDirectLinks } from '../../src/core/admin/router-version.js';
import { parseEnvelope, parsePeers, parseSelf, parseSessions } from '../../src/core/admin/schemas.js';
import { addressOf } from '../../src/core/overlay-address.js';
import { aSelf } from './admin-fake.js';

const key = 'ab'.repeat(32);
const session = { address: addressOf(key), key, bytes_recvd: 10, bytes_sent: 20, uptime: 1.5 };
const peer = { up: false, inbound: false, key: '', port: 0, priority: 0, cost: 0 };
const invalid = expect.objectContaining({ code: 'ADMIN_REPLY_INVALID' });

describe('sessions of a reply', () => {
  it('are taken as they are', () => {
    expect(parseSessions({ sessions: [session] }).sessions).toEqual([
      { key, address: session.address, bytesIn: 10, bytesOut: 20 },
    ]);
  });

  it('may have fields that we do not know', () => {
    expect(parseSessions({ sessions: [{ ...session, mtu: 65_535 }], total: 1 }).sessions).toHaveLength(1);
  });

  it.each([
    ['no list', {}],
    ['a list of something else', { sessions: ['x'] }],
    ['null', { sessions: null }],
    ['a short key', { sessions: [{ ...session, key: 'ab' }] }],
    ['a key in upper case', { sessions: [{ ...session, key: key.toUpperCase() }] }],
    ['an address that is no string', { sessions: [{ ...session, address: 5 }] }],
    ['negative bytes', { sessions: [{ ...session, bytes_recvd: -1 }] }],
    ['half a byte', { sessions: [{ ...session, bytes_sent: 0.5 }] }],
    ['more bytes than a number holds exactly', { sessions: [{ ...session, bytes_sent: 2 ** 53 }] }],
    ['bytes in words', { sessions: [{ ...session, bytes_sent: '1KB' }] }],
  ])('are refused with %s', (_what, response) => {
    expect(() => parseSessions(response)).toThrow(invalid);
  });

  it('are set apart when another’s address stands beside the key', () => {
    expect(parseSessions({ sessions: [{ ...session, address: addressOf('cd'.repeat(32)) }, session] })).toMatchObject({
      sessions: [{ key }],
      misaddressed: [key],
    });
  });
});

describe('peers of a reply', () => {
  it('have no key before the link handshake has ended', () => {
    expect(parsePeers({ peers: [{ ...peer, remote: 'tcp://192.0.2.1:5', up: true }] })).toEqual([
      {
        uri: 'tcp://192.0.2.1:5',
        up: true,
        inbound: false,
        key: undefined,
        bytesIn: 0,
        bytesOut: 0,
        latencyMs: undefined,
        lastError: undefined,
      },
    ]);
  });

  it('have their latency in milliseconds', () => {
    expect(parsePeers({ peers: [{ ...peer, key, latency: 1_500_000 }] })[0]).toMatchObject({
      latencyMs: 1.5,
    });
  });

  it('may lack a URI', () => {
    expect(parsePeers({ peers: [{ ...peer, up: true, inbound: true }] })[0]?.uri).toBeUndefined();
  });

  it('cannot bring control characters or endless text into our log', () => {
    const [parsed] = parsePeers({ peers: [{ ...peer, last_error: `\u001b[2J\n${'x'.repeat(10_000)}` }] });
    expect(parsed?.lastError).toMatch(/^\ufffd\[2J\ufffdx+$/);
    expect(parsed?.lastError).toHaveLength(500);
  });

  it.each([[{ ...peer, up: 'yes' }], [{ ...peer, key: 'xy' }], [{ ...peer, latency: -1 }], [{ ...peer, remote: 7 }]])(
    'are refused as %j',
    (entry) => {
      expect(() => parsePeers({ peers: [entry] })).toThrow(invalid);
    },
  );
});

describe('the router’s own entry', () => {
  it('holds key, address and version', () => {
    expect(parseSelf(aSelf)).toEqual({ key: aSelf.key, address: aSelf.address, version: '0.5.14', hasCoords: false });
  });

  it('of a router that is not yggdrasil is refused with the place of the fault', () => {
    expect(() => parseSelf({ ...aSelf, key: undefined })).toThrow(/^The reply to getSelf is not yggdrasil’s: key: /);
  });
});

describe('what is around a reply', () => {
  it('carries the router’s refusal', () => {
    expect(() => parseEnvelope({ status: 'error', error: 'no\u0007', response: null }, 'addPeer')).toThrow(
      expect.objectContaining({ code: 'ADMIN_REFUSED', message: 'The router refused addPeer: no\ufffd.' }),
    );
  });

  it.each([[null], [[]], ['success'], [{}], [{ status: 'Success' }], [{ status: 'error', error: 5 }]])('is not %j', (reply) => {
    expect(() => parseEnvelope(reply, 'getSelf')).toThrow(invalid);
  });
});

describe('a router’s version', () => {
  it.each(['0.5.13', '0.5.13-0001', '0.5.100', '0.6.0', '0.6', '2.0.0'])('%s is supported', (version) => {
    expect(checkRouterVersion(version, false)).toBe('supported');
    expect(prefersDirectLinks(version)).toBe(true);
  });

  it.each(['0.5.12', '0.5.9', '0.5', '0.4.13', '0.3.16', '0.0.1'])('%s is too old', (version) => {
    expect(() => checkRouterVersion(version, false)).toThrow(expect.objectContaining({ code: 'ROUTER_TOO_OLD' }));
  });

  it.each(['unknown', '', 'master', '99999999999999999999.1.1'])('%j tells nothing', (version) => {
    expect(checkRouterVersion(version, false)).toBe('untold');
    expect(prefersDirectLinks(version)).toBe(false);
  });
});
