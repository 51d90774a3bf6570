import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readPeers } from '../../src/core/admin/read-peers.js';
import { parseEnvelope, parsePeers } from '../../src/core/admin/schemas.js';
import { damaged, replyText } from './admin-fake.js';

const key = 'b'.repeat(64);
const request = { request: 'getPeers', arguments: {}, keepalive: true };
const replyWith = (peers: unknown) => Buffer.from(replyText(request, { status: 'success', response: { peers } }));
const parsed = (reply: Buffer) => parsePeers(parseEnvelope(JSON.parse(reply.toString()), 'getPeers'));

const everyone = () => true;
const peers = [
  { remote: 'unix:///run/a.sock', up: true, inbound: false, key, bytes_recvd: 7, bytes_sent: 8, latency: 1_500_000, uptime: 2.5 },
  { remote: 'tls://[2001:db8::1]:5', up: false, inbound: false, key: '', last_error: 'says "no", \\ {[ and ü\n' },
  { up: true, inbound: true, key, nested: { of: [{ '}': 1 }] } },
];

describe('reading peers', () => {
  it('tells what parsing tells, of strings with escapes and entries with more in them, too', () => {
    expect(readPeers(replyWith(peers), everyone)).toEqual(parsed(replyWith(peers)));
    expect(readPeers(replyWith(peers), everyone)).toHaveLength(3);
    expect(readPeers(replyWith([]), everyone)).toEqual([]);
  });

  it('tells of those alone that are asked for', () => {
    expect(readPeers(replyWith(peers), ({ up }) => !up)).toMatchObject([{ uri: 'tls://[2001:db8::1]:5' }]);
  });

  it('tells what parsing tells of damaged replies, or leaves them to it', () => {
    const sound = replyWith(peers);
    let read = 0;
    fc.assert(
      fc.property(damaged(sound), (reply) => {
        const told = readPeers(reply, everyone);
        if (!told) return;
        read++;
        expect(told).toEqual(parsed(reply));
      }),
      { numRuns: 3000 },
    );
    expect(read).toBeGreaterThan(100);
  });

  it.each([
    ['an entry that is not yggdrasil’s', replyWith([{ up: 'yes', inbound: false }])],
    ['no list', replyWith(null)],
    ['an error', Buffer.from(replyText(request, { status: 'error', error: 'no such thing' }))],
    ['an object that does not end', Buffer.from('{"status":"success","response":{"peers":[{"up":true,"a":"\\"}]}}')],
    ['no JSON', Buffer.from('peers')],
  ])('leaves %s to parsing', (_, reply) => {
    expect(readPeers(reply, everyone)).toBeUndefined();
  });
});
