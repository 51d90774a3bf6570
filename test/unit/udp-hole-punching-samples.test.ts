import { beforeEach, describe, expect, it } from 'vitest';
import type { Endpoint } from '../../src/core/net.js';
import { systemRandom } from '../../src/core/random.js';
import { decodeBindingRequest, encodeBindingResponse } from '../../src/discovery/stun/responder-codec.js';
import { StunTransactions } from '../../src/discovery/stun/stun-transactions.js';
import { sampleMapping } from '../../src/strategies/udp-hole-punching/mapping-samples.js';
import { FakeClock } from './fake-clock.js';

const [one, two, three] = ['20.0.9.2', '20.0.9.3', '20.0.9.4'].map((address) => ({ address, port: 3478 })) as [
  Endpoint,
  Endpoint,
  Endpoint,
];
const local = { address: '192.168.1.2', port: 4000 };

/** What a server sees, what it says of itself, how long it takes, and how many requests are lost first. */
interface Server {
  readonly port: number;
  readonly other?: Endpoint;
  readonly delayMs?: number;
  readonly lost?: number;
}

let clock: FakeClock;
beforeEach(() => {
  clock = new FakeClock();
});

/** Asks servers; those without a description are silent. */
function sample(asked: readonly Endpoint[], servers: ReadonlyMap<Endpoint, Server>, signal = new AbortController().signal) {
  const requests = new Map<string, number>();
  const transactions = new StunTransactions({
    clock,
    random: systemRandom,
    send: (data, remote) => {
      const [, server] = [...servers].find(([{ address, port }]) => address === remote.address && port === remote.port) ?? [];
      const request = decodeBindingRequest(data);
      const count = (requests.get(remote.address) ?? 0) + 1;
      requests.set(remote.address, count);
      if (!server || !request || count <= (server.lost ?? 0)) return;
      const mapped = { address: '20.0.1.2', port: server.port };
      const answer = encodeBindingResponse(request.transactionId, { mapped, ...(server.other && { other: server.other }) });
      clock.setTimer(server.delayMs ?? 40, () => transactions.receive(Buffer.from(answer), remote));
    },
  });
  const outcome: { ports?: number[]; error?: unknown; at?: number } = {};
  sampleMapping({ clock, transactions, local, servers: asked, signal }).then(
    (samples) => Object.assign(outcome, { ports: samples.map(({ port }) => port), at: clock.now() }),
    (error: unknown) => Object.assign(outcome, { error }),
  );
  return { outcome, requests };
}

describe('samples of a mapping', () => {
  it('are enough when two servers agree', async () => {
    const { outcome } = sample(
      [one, two, three],
      new Map([
        [one, { port: 5000 }],
        [two, { port: 5000 }],
        [three, { port: 5000, delayMs: 900 }],
      ]),
    );
    await clock.advance(40);
    expect(outcome.ports).toEqual([5000, 5000]);
    expect(clock.pending).toBe(1);
  });

  it('are in the order of the questions, not of the answers', async () => {
    const { outcome } = sample(
      [one, two, three],
      new Map([
        [one, { port: 5000, delayMs: 80 }],
        [two, { port: 5001 }],
        [three, { port: 5002 }],
      ]),
    );
    await clock.advance(1000);
    expect(outcome.ports).toEqual([5000, 5001, 5002]);
  });

  it('are waited for while there is but one, though a request was lost', async () => {
    const { outcome } = sample(
      [one, two],
      new Map([
        [one, { port: 5000 }],
        [two, { port: 61_234, lost: 1 }],
      ]),
    );
    await clock.advance(1000);
    expect(outcome.ports).toEqual([5000, 61_234]);
  });

  it('also come from the other address of a lone server', async () => {
    const { outcome, requests } = sample(
      [one],
      new Map([
        [one, { port: 5000, other: two }],
        [two, { port: 61_234 }],
      ]),
    );
    await clock.advance(1000);
    expect(outcome.ports).toEqual([5000, 61_234]);
    expect(requests.get(two.address)).toBe(1);
  });

  it('do not come from an address that a server has no business with', async () => {
    const inside = { address: '192.168.1.1', port: 3478 };
    const { outcome, requests } = sample([one], new Map([[one, { port: 5000, other: inside }]]));
    await clock.advance(1000);
    expect(outcome.ports).toEqual([5000]);
    expect(requests.has(inside.address)).toBe(false);
  });

  it('leave out a server that two others contradict', async () => {
    const { outcome } = sample(
      [one, two, three],
      new Map([
        [one, { port: 9999 }],
        [two, { port: 5000, delayMs: 41 }],
        [three, { port: 5000, delayMs: 42 }],
      ]),
    );
    await clock.advance(1000);
    expect(outcome.ports).toEqual([5000, 5000]);
  });

  it('are none after a second of silence', async () => {
    const { outcome } = sample([one, two], new Map());
    await clock.advance(1000);
    expect(outcome).toMatchObject({ ports: [], at: 1000 });
    expect(clock.pending).toBe(0);
  });

  it('end with an abort, and leave no timer', async () => {
    const call = new AbortController();
    const { outcome } = sample([one, two], new Map(), call.signal);
    await clock.advance(100);
    call.abort(new Error('called off'));
    await clock.advance(0);
    expect(outcome.error).toMatchObject({ message: 'called off' });
    expect(clock.pending).toBe(0);
  });
});
