import { describe, expect, test } from 'vitest';
import type { Endpoint } from '../../src/core/net.js';
import { systemRandom } from '../../src/core/random.js';
import { encodeBindingRequest } from '../../src/discovery/stun/codec.js';
import { encodeBindingResponse, encodeUnknownAttributes } from '../../src/discovery/stun/responder-codec.js';
import type { Retransmission } from '../../src/discovery/stun/retransmission.js';
import { StunTransactions } from '../../src/discovery/stun/stun-transactions.js';
import { FakeClock } from './fake-clock.js';

const server = { address: '20.0.9.2', port: 3478 };
const mapped = { address: '20.0.1.2', port: 4711 };

function socket(retransmission?: Retransmission) {
  const clock = new FakeClock();
  const sent: { at: number; id: Buffer; remote: Endpoint }[] = [];
  const transactions = new StunTransactions({
    clock,
    random: systemRandom,
    send: (data, remote) => sent.push({ at: clock.now(), id: Buffer.from(data).subarray(8, 20), remote }),
    ...(retransmission && { retransmission }),
  });
  const lastId = () => sent.at(-1)?.id ?? Buffer.alloc(12);
  /** A server's answer to the last request. */
  const answer = (from: Endpoint = server, seen: Endpoint = mapped) =>
    transactions.receive(encodeBindingResponse(lastId(), { mapped: seen }), from);
  return { clock, transactions, sent, lastId, answer };
}

describe('a Binding over UDP', () => {
  test('tells what the server saw', async () => {
    const { transactions, answer, clock } = socket();
    const binding = transactions.bind(server);
    expect(answer()).toBe(true);
    expect(await binding).toEqual({ mapped });
    expect(clock.pending).toBe(0);
  });

  test('is asked seven times with one transaction id, and given up after 39.5 s (RFC 8489 §6.2.1)', async () => {
    const { transactions, sent, clock } = socket();
    const outcome = transactions.bind(server).catch((error: unknown) => ({ error, at: clock.now() }));
    await clock.advance(60_000);
    expect(await outcome).toMatchObject({ error: { code: 'ETIMEDOUT' }, at: 39_500 });
    expect(sent.map(({ at }) => at)).toEqual([0, 500, 1_500, 3_500, 7_500, 15_500, 31_500]);
    expect(new Set(sent.map(({ id }) => id.toString('hex'))).size).toBe(1);
  });

  test('takes another schedule', async () => {
    const { transactions, sent, clock } = socket({ rtoMs: 100, requests: 3, lastWait: 2 });
    const outcome = transactions.bind(server).catch(() => clock.now());
    await clock.advance(1_000);
    expect(sent.map(({ at }) => at)).toEqual([0, 100, 300]);
    expect(await outcome).toBe(500);
  });

  test('is given up earlier when told so', async () => {
    const { transactions, sent, clock } = socket();
    const outcome = transactions.bind(server, { timeoutMs: 700 }).catch(() => clock.now());
    await clock.advance(1_000);
    expect(await outcome).toBe(700);
    expect(sent).toHaveLength(2);
  });

  test('does not believe an answer from elsewhere, and counts it', async () => {
    const { transactions, answer } = socket();
    const binding = transactions.bind(server);
    for (const from of [
      { ...server, port: 3479 },
      { ...server, address: '20.0.9.3' },
    ]) {
      expect(answer(from, { address: '20.6.6.6', port: 6 })).toBe(true);
    }
    answer();
    expect(await binding).toEqual({ mapped });
    expect(transactions.strays).toBe(2);
  });

  test('does not believe an answer of its server to no request, and counts it', async () => {
    const { transactions, answer } = socket();
    const binding = transactions.bind(server);
    expect(transactions.receive(encodeBindingResponse(Buffer.alloc(12, 1), { mapped: server }), server)).toBe(true);
    answer();
    expect(await binding).toEqual({ mapped });
    expect(transactions.strays).toBe(1);
  });

  test('waits on when its answer came damaged', async () => {
    const { transactions, lastId, answer } = socket();
    const binding = transactions.bind(server);
    const damaged = Buffer.from(encodeBindingResponse(lastId(), { mapped }));
    damaged.writeUInt16BE(0x7fff, 20);
    transactions.receive(damaged, server);
    answer();
    expect(await binding).toEqual({ mapped });
    expect(transactions.strays).toBe(1);
  });

  test('believes an answer from where it was told to come', async () => {
    const { transactions, answer } = socket();
    const other = { address: '20.0.9.3', port: 3479 };
    const binding = transactions.bind(server, { from: other, change: { address: true, port: true } });
    answer(server, { address: '20.6.6.6', port: 6 });
    answer(other);
    expect(await binding).toEqual({ mapped });
  });

  test('knows an IPv6 server however its address is spelled', async () => {
    const { transactions, answer } = socket();
    const binding = transactions.bind({ address: '2001:DB8:0:0::1', port: 3478 });
    answer({ address: '2001:db8::1', port: 3478 });
    expect(await binding).toEqual({ mapped });
  });

  test('fails when the server refuses', async () => {
    const { transactions, lastId } = socket();
    const binding = transactions.bind(server);
    transactions.receive(encodeUnknownAttributes(lastId(), [3]), server);
    await expect(binding).rejects.toMatchObject({ code: 'EPROTO', message: 'the server refused: Unknown Attribute' });
  });

  test('ends with the reason of its signal, before it began as well', async () => {
    const { transactions, clock, sent } = socket();
    const controller = new AbortController();
    const binding = transactions.bind(server, { signal: controller.signal });
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(binding).rejects.toBe(reason);
    await expect(transactions.bind(server, { signal: controller.signal })).rejects.toBe(reason);
    expect(clock.pending).toBe(0);
    expect(sent).toHaveLength(1);
  });

  test('ends with its transactions', async () => {
    const { transactions, clock } = socket();
    const binding = transactions.bind(server);
    transactions.close();
    await expect(binding).rejects.toMatchObject({ code: 'ECONNABORTED' });
    await expect(transactions.bind(server)).rejects.toMatchObject({ code: 'ECONNABORTED' });
    expect(clock.pending).toBe(0);
  });
});

describe('what comes in on the socket', () => {
  test('after its request has ended is late, and nobody else’s', async () => {
    const { transactions, answer } = socket();
    const binding = transactions.bind(server);
    answer();
    await binding;
    expect(answer()).toBe(true);
    expect(transactions).toMatchObject({ late: 1, strays: 0 });
  });

  test.each([
    ['not STUN', Buffer.from('hello')],
    ['empty', Buffer.alloc(0)],
    ['a request', Buffer.from(encodeBindingRequest(Buffer.alloc(12, 1)))],
    ['an answer to someone else', Buffer.from(encodeBindingResponse(Buffer.alloc(12, 1), { mapped }))],
    [
      'an answer with something after it',
      Buffer.concat([encodeBindingResponse(Buffer.alloc(12, 1), { mapped }), Buffer.alloc(4)]),
    ],
  ])('and is %s is left to the caller', (_what, data) => {
    const { transactions } = socket();
    expect(transactions.receive(data, server)).toBe(false);
    expect(transactions).toMatchObject({ late: 0, strays: 0 });
  });
});
