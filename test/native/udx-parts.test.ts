import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Beat, beatStreamId, decodeBeat, encodeBeat } from '../../src/native/udx/beat.js';
import { Inbox } from '../../src/native/udx/inbox.js';
import { Outbox } from '../../src/native/udx/outbox.js';
import { RemoteWatch } from '../../src/native/udx/remote-watch.js';
import { ReplayWindow } from '../../src/native/udx/replay-window.js';
import { FakeClock, settle } from '../unit/fake-clock.js';

const key = new Uint8Array(32).fill(3);
const beat: Beat = {
  streamId: 0xdeadbeef,
  count: 2 ** 48 - 1,
  limit: 2 ** 40,
  received: 12_345_678_901,
  lane: 65_535,
  ask: true,
  finished: false,
  gone: true,
  nonce: Buffer.from('nonce678'),
  echo: Buffer.from('echo5678'),
};

describe('a beat', () => {
  it('says the same after its way', () => {
    expect(decodeBeat(encodeBeat(beat, key), key)).toEqual(beat);
  });

  it('is nothing when any bit of it has changed', () => {
    const data = encodeBeat(beat, key);
    const read = (changed: Buffer) => (beatStreamId(changed) === undefined ? undefined : decodeBeat(changed, key));
    for (let bit = 0; bit < data.length * 8; bit++) {
      const changed = Buffer.from(data);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(read(changed), `bit ${bit}`).toBeUndefined();
    }
  });

  it('is neither STUN nor udx by its first byte', () => {
    const [first = 0] = encodeBeat(beat, key);
    expect(first).toBeGreaterThan(0x3f);
    expect(first).not.toBe(0xff);
  });
});

describe('the replay window', () => {
  it('takes each count once, in any order within 64', () => {
    const window = new ReplayWindow();
    expect([1, 3, 2, 3, 2, 70, 7, 6].map((count) => window.take(count))).toEqual([
      'newest',
      'newest',
      'late',
      'stale',
      'stale',
      'newest',
      'late',
      'stale',
    ]);
  });
});

describe('the outbox', () => {
  it('gives every byte in order, whatever is trimmed and rewound meanwhile', () => {
    const step = fc.record({
      write: fc.nat(50),
      take: fc.nat(60),
      trim: fc.double({ min: 0, max: 1, noNaN: true }),
      lost: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const outbox = new Outbox();
        const written: Buffer[] = [];
        let arrived = Buffer.alloc(0);
        let acknowledged = 0;
        const pull = (limit: number) => {
          for (let piece = outbox.take(limit); piece; piece = outbox.take(limit)) arrived = Buffer.concat([arrived, piece]);
        };
        for (const { write, take, trim, lost } of steps) {
          const chunk = randomBytes(write);
          written.push(chunk);
          outbox.add(chunk);
          pull(arrived.length + take);
          acknowledged = Math.max(acknowledged, Math.floor(arrived.length * trim));
          expect(outbox.trim(acknowledged)).toBe(true);
          if (!lost) continue;
          // The other end has no less than it said.
          arrived = arrived.subarray(0, Math.max(acknowledged, Math.ceil(arrived.length * (1 - trim))));
          outbox.rewind(arrived.length);
        }
        pull(Number.MAX_SAFE_INTEGER);
        expect(outbox.drained).toBe(true);
        expect(arrived.equals(Buffer.concat(written))).toBe(true);
      }),
    );
  });

  it('refuses an acknowledgement of what was never written', () => {
    const outbox = new Outbox();
    outbox.add(Buffer.from('four'));
    expect(outbox.trim(5)).toBe(false);
  });
});

describe('the inbox', () => {
  it('joins neighbours into one chunk and returns credit only for what was taken', async () => {
    const pushed: (Buffer | null)[] = [];
    const inbox = new Inbox(1000, { push: (chunk) => pushed.push(chunk) < 0, onCredit: () => {} });
    const slab = randomBytes(300);
    for (let offset = 0; offset < 300; offset += 100) inbox.put(slab.subarray(offset, offset + 100));
    expect(inbox.limit).toBe(1000);
    inbox.want();
    await settle();
    expect(pushed).toEqual([slab]);
    expect([inbox.limit, inbox.received]).toEqual([1300, 300]);
  });

  it('refuses more than it has allowed', () => {
    const inbox = new Inbox(10, { push: () => true, onCredit: () => {} });
    expect([inbox.put(Buffer.alloc(10)), inbox.put(Buffer.alloc(1))]).toEqual([true, false]);
    inbox.discard();
  });
});

describe('the watch over the remote', () => {
  const home = { address: '192.0.2.1', port: 1 };
  const abroad = { address: '192.0.2.2', port: 2 };

  function watched() {
    const clock = new FakeClock();
    const asked: { nonce: Uint8Array; to: typeof home }[] = [];
    const moves: (typeof home)[] = [];
    const random = { bytes: (length: number) => randomBytes(length), fraction: () => 0 };
    const watch = new RemoteWatch(home, {
      clock,
      random,
      challenge: (nonce, to) => asked.push({ nonce, to }),
      onMove: (to) => moves.push(to),
    });
    const echoOf = (to: typeof home) => ({ ...beat, echo: asked.find((question) => question.to === to)?.nonce ?? beat.echo });
    return { clock, watch, asked, moves, echoOf };
  }

  it('moves when the new address has returned its nonce and the old one has not', async () => {
    const { clock, watch, asked, moves, echoOf } = watched();
    watch.judge(abroad, beat, true);
    expect(asked.map(({ to }) => to)).toEqual([home, abroad]);
    watch.judge(abroad, echoOf(abroad), true);
    expect(moves).toEqual([]);
    await clock.advance(600);
    expect([moves, watch.remote, clock.pending]).toEqual([[abroad], abroad, 0]);
  });

  it('stays when the old address answers for itself', async () => {
    const { clock, watch, moves, echoOf } = watched();
    watch.judge(abroad, beat, true);
    watch.judge(abroad, echoOf(abroad), true);
    watch.vouch(home, echoOf(home));
    await clock.advance(2000);
    expect([moves, watch.remote]).toEqual([[], home]);
  });

  it('stays when the new address does not return the nonce', async () => {
    const { clock, watch, moves } = watched();
    watch.judge(abroad, beat, true);
    watch.judge(abroad, beat, true);
    await clock.advance(2000);
    expect(moves).toEqual([]);
  });

  it('asks nobody anew within a second, however many copies come', () => {
    const { watch, asked } = watched();
    for (let port = 10; port < 20; port++) watch.judge({ address: '192.0.2.3', port }, beat, true);
    expect(asked).toHaveLength(2);
  });
});
