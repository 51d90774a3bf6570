import { beforeEach, describe, expect, it } from 'vitest';
import type { Endpoint } from '../../src/core/net.js';
import { systemRandom } from '../../src/core/random.js';
import type { ReliableUdpSocket } from '../../src/core/reliable-udp.js';
import type { Role } from '../../src/core/strategy.js';
import { CheckCodec } from '../../src/strategies/udp-hole-punching/check-codec.js';
import {
  ConnectivityChecks,
  maxChecks,
  maxChecksPerPair,
  maxPeerReflexive,
  type Pair,
  paceMs,
} from '../../src/strategies/udp-hole-punching/checks.js';
import { FakeClock } from './fake-clock.js';

const secret = Buffer.alloc(32, 7);
const transactionId = Buffer.from('0102030405060708090a0b0c', 'hex');
const remote: Endpoint = { address: '20.0.2.2', port: 4000 };
const stranger: Endpoint = { address: '20.0.3.3', port: 5000 };

describe('a check on the wire', () => {
  const ours = new CheckCodec(secret, 'controlling');
  const theirs = new CheckCodec(secret, 'controlled');
  const request = { type: 'request', transactionId, useCandidate: true } as const;

  it.each([
    request,
    { type: 'request', transactionId, useCandidate: false } as const,
    { type: 'response', transactionId, mapped: { address: '20.0.2.2', port: 65_535 } } as const,
    { type: 'response', transactionId, mapped: { address: '2a01:4f8::2', port: 1024 } } as const,
  ])('is read by the other end as it was written: %j', (check) => {
    expect(theirs.decode(ours.encode(check))).toEqual(check);
  });

  it('is a STUN Binding request by its first bytes', () => {
    const bytes = ours.encode(request);
    expect(bytes.subarray(0, 2).toString('hex')).toBe('0001');
    expect(bytes.readUInt16BE(2)).toBe(bytes.length - 20);
    expect(bytes.subarray(4, 8).toString('hex')).toBe('2112a442');
  });

  it('is nothing to the end that wrote it', () => {
    expect(ours.decode(ours.encode(request))).toBeUndefined();
  });

  it('is nothing in another attempt', () => {
    expect(new CheckCodec(Buffer.alloc(32, 8), 'controlled').decode(ours.encode(request))).toBeUndefined();
  });

  it('is nothing with any bit changed', () => {
    const bytes = ours.encode(request);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(theirs.decode(changed)).toBeUndefined();
    }
  });

  it('is nothing when cut short, drawn out or made of noise', () => {
    const bytes = ours.encode(request);
    for (let length = 0; length < bytes.length; length++) expect(theirs.decode(bytes.subarray(0, length))).toBeUndefined();
    expect(theirs.decode(Buffer.concat([bytes, Buffer.alloc(4)]))).toBeUndefined();
    expect(theirs.decode(Buffer.alloc(65_507, 1))).toBeUndefined();
  });
});

/** A socket that keeps what is sent. */
class RecordingSocket implements ReliableUdpSocket {
  readonly local = { address: '0.0.0.0', port: 40_000 };
  readonly sent: { readonly data: Buffer; readonly remote: Endpoint; readonly at: number }[] = [];

  constructor(private readonly clock: FakeClock) {}

  send(data: Uint8Array, to: Endpoint): void {
    this.sent.push({ data: Buffer.from(data), remote: to, at: this.clock.now() });
  }

  setTtl(): void {}

  open(): never {
    throw new Error('no streams here');
  }

  async close(): Promise<void> {}
}

describe('connectivity checks', () => {
  let clock: FakeClock;
  let socket: RecordingSocket;
  let nominated: Pair | undefined;

  beforeEach(() => {
    clock = new FakeClock();
    socket = new RecordingSocket(clock);
    nominated = undefined;
  });

  function begin(role: Role, remotes: readonly Endpoint[] = [remote]): { checks: ConnectivityChecks; peer: CheckCodec } {
    const checks = new ConnectivityChecks({ clock, random: systemRandom, role, secret });
    void checks.nominated.then((pair) => {
      nominated = pair;
    });
    for (const each of remotes) checks.add(socket, each);
    checks.start();
    return { checks, peer: new CheckCodec(secret, role === 'controlling' ? 'controlled' : 'controlling') };
  }

  /** What the peer reads of what was sent, oldest first. */
  const read = (peer: CheckCodec) => socket.sent.map(({ data, remote: to }) => ({ to, check: peer.decode(data) }));
  const request = (id: number, useCandidate = false) =>
    ({ type: 'request', transactionId: Buffer.alloc(12, id), useCandidate }) as const;

  it('go out one a turn, in turn, and not without end', async () => {
    const remotes = Array.from({ length: 4 }, (_, index) => ({ ...remote, port: 4000 + index }));
    const { checks } = begin('controlling', remotes);
    await clock.advance(60_000);
    const times = socket.sent.map(({ at }) => at);
    expect(times.every((time, index) => index === 0 || time - (times[index - 1] ?? 0) >= paceMs)).toBe(true);
    expect(socket.sent.slice(0, 4).map(({ remote: { port } }) => port)).toEqual([4000, 4001, 4002, 4003]);
    for (const each of remotes)
      expect(socket.sent.filter(({ remote: to }) => to.port === each.port)).toHaveLength(maxChecksPerPair);
    checks.stop();
  });

  it('stay under the cap of the attempt, however many candidates there are', async () => {
    const { checks } = begin(
      'controlling',
      Array.from({ length: 50 }, (_, index) => ({ ...remote, port: 4000 + index })),
    );
    await clock.advance(120_000);
    expect(socket.sent).toHaveLength(maxChecks);
    checks.stop();
  });

  it('never use a transaction id twice', async () => {
    const { checks, peer } = begin('controlling');
    await clock.advance(1000);
    const ids = read(peer).map(({ check }) => check?.transactionId.toString('hex'));
    expect(ids.length).toBeGreaterThan(5);
    expect(new Set(ids).size).toBe(ids.length);
    checks.stop();
  });

  it('answer the peer with the address it was seen at', () => {
    const { checks, peer } = begin('controlled', []);
    checks.receive(socket, peer.encode(request(1)), remote);
    expect(read(peer)).toEqual([{ to: remote, check: { type: 'response', transactionId: Buffer.alloc(12, 1), mapped: remote } }]);
    checks.stop();
  });

  it('are triggered towards an address that no candidate announced', async () => {
    const { checks, peer } = begin('controlled', []);
    checks.receive(socket, peer.encode(request(1)), stranger);
    await clock.advance(paceMs);
    expect(read(peer).at(-1)).toMatchObject({ to: stranger, check: { type: 'request' } });
    checks.stop();
  });

  it('are not triggered towards ever more addresses', async () => {
    const { checks, peer } = begin('controlled', []);
    for (let id = 1; id <= 20; id++) checks.receive(socket, peer.encode(request(id)), { ...stranger, port: 5000 + id });
    await clock.advance(2000);
    const checked = read(peer).flatMap(({ to, check }) => (check?.type === 'request' ? to.port : []));
    expect(new Set(checked).size).toBe(maxPeerReflexive);
    checks.stop();
  });

  it.each(['wrong secret', 'our own words', 'noise'])('leave %s without an answer or an effect', async (what) => {
    const { checks, peer } = begin('controlled', []);
    const hostile: Record<string, Buffer> = {
      'wrong secret': new CheckCodec(Buffer.alloc(32), 'controlling').encode(request(1, true)),
      'our own words': new CheckCodec(secret, 'controlled').encode(request(1, true)),
      noise: Buffer.alloc(1400, 0x55),
    };
    checks.receive(socket, hostile[what] ?? Buffer.alloc(0), stranger);
    await clock.advance(1000);
    expect(read(peer)).toEqual([]);
    expect(checks.valid.aborted).toBe(false);
    expect(nominated).toBeUndefined();
    checks.stop();
  });

  it('answer a check once, whoever repeats it', async () => {
    const { checks, peer } = begin('controlled', []);
    checks.receive(socket, peer.encode(request(1)), remote);
    checks.receive(socket, peer.encode(request(1)), stranger);
    checks.receive(socket, peer.encode(request(1)), remote);
    await clock.advance(1000);
    expect(read(peer).filter(({ check }) => check?.type === 'response')).toHaveLength(1);
    expect(socket.sent.every(({ remote: to }) => to === remote)).toBe(true);
    checks.stop();
  });

  it('are nominated by the controlling end once a pair works both ways', async () => {
    const { checks, peer } = begin('controlling');
    await clock.advance(0);
    const answer = async () => {
      const last = read(peer).at(-1)?.check;
      checks.receive(
        socket,
        peer.encode({ type: 'response', transactionId: last?.transactionId ?? transactionId, mapped: remote }),
        remote,
      );
      await clock.advance(0);
    };
    await answer();
    expect(read(peer).at(-1)?.check).toMatchObject({ type: 'request', useCandidate: true });
    expect(nominated).toBeUndefined();
    await answer();
    expect(nominated).toEqual({ socket, remote });
    expect(clock.pending).toBe(0);
  });

  it('repeat a nomination that is lost', async () => {
    const { checks, peer } = begin('controlling');
    await clock.advance(0);
    const [first] = read(peer);
    checks.receive(
      socket,
      peer.encode({ type: 'response', transactionId: first?.check?.transactionId ?? transactionId, mapped: remote }),
      remote,
    );
    await clock.advance(1000);
    const nominations = read(peer).filter(({ check }) => check?.type === 'request' && check.useCandidate);
    expect(nominations.length).toBeGreaterThan(5);
    checks.stop();
  });

  it('do not count an answer from elsewhere, nor one to a question that was not asked', async () => {
    const { checks, peer } = begin('controlling');
    await clock.advance(0);
    const [first] = read(peer);
    const id = first?.check?.transactionId ?? transactionId;
    checks.receive(socket, peer.encode({ type: 'response', transactionId: id, mapped: remote }), stranger);
    checks.receive(socket, peer.encode({ type: 'response', transactionId, mapped: remote }), remote);
    expect(checks.valid.aborted).toBe(false);
    checks.stop();
  });

  it('are settled for the controlled end by the nomination, and later checks of that pair are still answered', async () => {
    const { checks, peer } = begin('controlled', []);
    checks.receive(socket, peer.encode(request(1)), remote);
    checks.receive(socket, peer.encode(request(2, true)), remote);
    await clock.advance(0);
    expect(nominated).toEqual({ socket, remote });
    expect(clock.pending).toBe(0);
    checks.receive(socket, peer.encode(request(3, true)), remote);
    checks.receive(socket, peer.encode(request(4, true)), stranger);
    const answered = read(peer).map(({ check }) => check?.transactionId.readUInt8(0));
    expect(answered).toEqual([1, 2, 3]);
  });

  it('are nobody’s to nominate but the controlling end’s', async () => {
    const { checks, peer } = begin('controlling', []);
    checks.receive(socket, peer.encode(request(1, true)), remote);
    await clock.advance(0);
    expect(nominated).toBeUndefined();
    checks.stop();
  });
});
