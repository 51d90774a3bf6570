import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEnvelope, parseSessions, type SessionsReply } from '../../src/core/admin/schemas.js';
import { SessionReader } from '../../src/core/admin/session-reader.js';
import { addressOf } from '../../src/core/overlay-address.js';
import { damaged, replyText } from './admin-fake.js';

const keys = Array.from({ length: 8 }, (_, index) => `${index}${'a'.repeat(63)}`);

function entryOf(key = keys[0] as string, bytes = 1) {
  return { address: addressOf(key), key, bytes_recvd: bytes, bytes_sent: 2, uptime: 3.5 };
}

const request = { request: 'getSessions', arguments: {}, keepalive: true };
const replyWith = (sessions: unknown) => Buffer.from(replyText(request, { status: 'success', response: { sessions } }));

/** What a reader tells, without what it keeps beside it. */
function plain(reply: SessionsReply | undefined) {
  return (
    reply && {
      ...reply,
      sessions: reply.sessions.map(({ key, address, bytesIn, bytesOut }) => ({ key, address, bytesIn, bytesOut })),
    }
  );
}

const parsed = (reply: Buffer) => parseSessions(parseEnvelope(JSON.parse(reply.toString()), 'getSessions'));

describe('a reader of sessions', () => {
  it('makes an object for a session once', () => {
    const reader = new SessionReader();
    const [first] = reader.read(replyWith([entryOf()]))?.sessions ?? [];
    const [second] = reader.read(replyWith([entryOf(keys[0], 5)]))?.sessions ?? [];
    expect(second).toBe(first);
    expect(second).toMatchObject({ key: keys[0], bytesIn: 5 });
  });

  it('tells what parsing tells, while sessions come, go, change places and lie', () => {
    const entry = fc.record({ key: fc.constantFrom(...keys), bytes: fc.nat(), lies: fc.boolean(), indent: fc.nat(3) });
    const sessions = fc.uniqueArray(entry, { selector: ({ key }) => key });
    fc.assert(
      fc.property(fc.array(sessions, { maxLength: 6 }), fc.nat(3), (replies, indent) => {
        const reader = new SessionReader();
        for (const list of replies) {
          const entries = list.map(({ key, bytes, lies }) => ({
            ...entryOf(key, bytes),
            ...(lies ? { address: '200::1' } : {}),
          }));
          const reply = Buffer.from(JSON.stringify({ status: 'success', response: { sessions: entries } }, null, indent));
          expect(plain(reader.read(reply))).toEqual(parsed(reply));
        }
      }),
    );
  });

  it('tells what parsing tells of damaged replies, or leaves them to it', () => {
    const sound = replyWith([entryOf(keys[0]), entryOf(keys[1])]);
    let read = 0;
    fc.assert(
      fc.property(damaged(sound), (reply) => {
        const reader = new SessionReader();
        reader.read(sound);
        const told = plain(reader.read(reply));
        if (!told) return;
        read++;
        expect(told).toEqual(parsed(reply));
      }),
      { numRuns: 3000 },
    );
    expect(read).toBeGreaterThan(100);
  });

  it('skips what it does not know', () => {
    const unknown = { list: [1, -0.5, 1e-9, true, false, null, [], {}, [{}]], ü: 'ü', total: 2 };
    const reply = Buffer.from(
      JSON.stringify({ ...unknown, status: 'success', response: { ...unknown, sessions: [{ ...unknown, ...entryOf() }] } }),
    );
    expect(plain(new SessionReader().read(reply))).toEqual(parsed(reply));
  });

  it.each([
    ['a refusal', replyText(request, { status: 'error', error: 'no', response: null })],
    ['a success with an error', replyText(request, { status: 'success', error: 5, response: { sessions: [] } })],
    ['no status', replyText(request, { response: { sessions: [] } })],
    ['nothing', '{}'],
    ['no sessions', replyText(request, { status: 'success', response: {} })],
    ['sessions that are no list', String(replyWith({}))],
    ['an entry that is no object', String(replyWith(['x']))],
    ['an entry without all it must have', String(replyWith([{}]))],
    ['a key in upper case', String(replyWith([entryOf('AB'.repeat(32))]))],
    ['half a byte', String(replyWith([{ ...entryOf(), bytes_sent: 0.5 }]))],
    ['negative bytes', String(replyWith([{ ...entryOf(), bytes_sent: -1 }]))],
    ['more bytes than it counts', String(replyWith([{ ...entryOf(), bytes_sent: 10 ** 15 }]))],
    ['a field twice', String(replyWith([entryOf()])).replace('"uptime": 3.5', '"bytes_sent": 3')],
    ['an escape', String(replyWith([{ ...entryOf(), key: '"' }]))],
    ['lists within lists', `{"deep": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['a number with a leading zero', String(replyWith([entryOf()])).replace('3.5', '03.5')],
    ['the end too soon', String(replyWith([entryOf()])).slice(0, 150)],
  ])('leaves %s to the parser', (_what, reply) => {
    expect(new SessionReader().read(Buffer.from(reply))).toBeUndefined();
  });
});
