import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Proofs } from '../../src/core/proof.js';
import { duplexPair } from './duplex-pair.js';
import { FakeClock, settle } from './fake-clock.js';

function bothEnds(secrets: [Uint8Array, Uint8Array] = sameSecret()) {
  const clock = new FakeClock();
  const over = new AbortController();
  return {
    clock,
    over,
    controlling: new Proofs('controlling', secrets[0], clock, over.signal),
    controlled: new Proofs('controlled', secrets[1], clock, over.signal),
  };
}

function sameSecret(): [Uint8Array, Uint8Array] {
  const secret = randomBytes(32);
  return [secret, secret];
}

describe('proofs', () => {
  it('settle on the stream at both ends when the dialling end speaks first', async () => {
    const { controlling, controlled } = bothEnds();
    const [near, far] = duplexPair();
    const proven = await Promise.all([
      controlling.prove(near, { speakFirst: true }),
      controlled.prove(far, { speakFirst: false }),
    ]);
    expect(proven).toEqual([near, far]);
  });

  it('settle when both ends speak first, as in a simultaneous open', async () => {
    const { controlling, controlled } = bothEnds();
    const [near, far] = duplexPair();
    await Promise.all([controlling.prove(near, { speakFirst: true }), controlled.prove(far, { speakFirst: true })]);
    expect(controlling.path).toBe(near);
    expect(controlled.path).toBe(far);
  });

  it('leave what follows them on the stream', async () => {
    const { controlling, controlled } = bothEnds();
    const [near, far] = duplexPair();
    await Promise.all([controlling.prove(near, { speakFirst: true }), controlled.prove(far, { speakFirst: false })]);
    near.write('after');
    await settle();
    expect(String(far.read())).toBe('after');
  });

  it('choose one of several streams, the same at both ends, and close the rest', async () => {
    const { controlling, controlled } = bothEnds();
    const pairs = [duplexPair(), duplexPair(), duplexPair()];
    const outcomes = await Promise.allSettled(
      pairs.flatMap(([near, far]) => [
        controlling.prove(near, { speakFirst: true }),
        controlled.prove(far, { speakFirst: false }),
      ]),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    const index = pairs.findIndex(([near]) => near === controlling.path);
    expect(controlled.path).toBe(pairs[index]?.[1]);
    const others = pairs.filter((_, other) => other !== index).flat();
    expect(others.every((stream) => stream.destroyed)).toBe(true);
  });

  it('reject and close a stream whose other end has another secret', async () => {
    const { controlling, controlled } = bothEnds([randomBytes(32), randomBytes(32)]);
    const [near, far] = duplexPair();
    const outcomes = await Promise.allSettled([
      controlling.prove(near, { speakFirst: true }),
      controlled.prove(far, { speakFirst: false }),
    ]);
    expect(outcomes.map((outcome) => outcome.status === 'rejected' && (outcome.reason as { code: string }).code)).toEqual([
      'PROOF_FAILED',
      'PROOF_FAILED',
    ]);
    expect(near.destroyed && far.destroyed).toBe(true);
  });

  it('do not take an end’s own words sent back to it', async () => {
    const { controlling } = bothEnds();
    const [near, far] = duplexPair();
    far.pipe(far);
    await expect(controlling.prove(near, { speakFirst: true })).rejects.toMatchObject({ code: 'PROOF_FAILED' });
  });

  it('say nothing to a stranger who connects and sends junk', async () => {
    const { controlled } = bothEnds();
    const [near, far] = duplexPair();
    const heard: Buffer[] = [];
    far.on('data', (chunk: Buffer) => heard.push(chunk));
    far.write(randomBytes(64));
    await expect(controlled.prove(near, { speakFirst: false })).rejects.toMatchObject({ code: 'PROOF_FAILED' });
    await settle();
    expect(heard).toEqual([]);
    expect(near.destroyed).toBe(true);
  });

  it('give up on an end that stays silent', async () => {
    const { controlled, clock } = bothEnds();
    const [near] = duplexPair();
    const outcome = controlled.prove(near, { speakFirst: false });
    const expectation = expect(outcome).rejects.toMatchObject({ code: 'PROOF_FAILED' });
    await clock.advance(5000);
    await expectation;
    expect(near.destroyed).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('end with the attempt', async () => {
    const { controlled, over, clock } = bothEnds();
    const [near] = duplexPair();
    const expectation = expect(controlled.prove(near, { speakFirst: false })).rejects.toBeInstanceOf(Error);
    over.abort(new Error('over'));
    await expectation;
    expect(near.destroyed).toBe(true);
    expect(clock.pending).toBe(0);
  });
});
