import { describe, expect, it } from 'vitest';
import { awaitStart, measurePath, startPath } from '../../src/core/path-opening.js';
import { duplexPair } from './duplex-pair.js';
import { FakeClock, settle } from './fake-clock.js';

function opening() {
  const clock = new FakeClock();
  return { clock, signal: new AbortController().signal };
}

describe('opening a path', () => {
  it('tells both ends the round trip that the controlling end measured', async () => {
    const [near, far] = duplexPair();
    const controlled = awaitStart(far, opening());
    await measurePath(near, opening());
    await startPath(near, 41.5, opening());
    expect(await controlled).toBe(41.5);
  });

  it('leaves to the routers what follows in the same chunk', async () => {
    const [near, far] = duplexPair();
    const controlled = awaitStart(far, opening());
    const started = startPath(near, 1, opening());
    near.write('meta');
    await controlled;
    await started;
    await settle();
    expect(String(far.read())).toBe('meta');
  });

  it('fails with a code when the path breaks', async () => {
    const [near, far] = duplexPair();
    const expectation = expect(measurePath(near, opening())).rejects.toMatchObject({ code: 'PATH_CLOSED' });
    far.destroy();
    await expectation;
  });

  it('fails with a code when the other end says something out of turn', async () => {
    const [near, far] = duplexPair();
    const expectation = expect(awaitStart(far, opening())).rejects.toMatchObject({ code: 'PATH_SILENT' });
    near.write(Buffer.alloc(9, 7));
    await expectation;
  });

  it('gives up on silence', async () => {
    const [near] = duplexPair();
    const clock = new FakeClock();
    const expectation = expect(measurePath(near, { clock, signal: new AbortController().signal })).rejects.toMatchObject({
      code: 'PATH_SILENT',
    });
    await clock.advance(10_000);
    await expectation;
  });
});
