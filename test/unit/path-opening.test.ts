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
    await measurePath(near, 100, opening());
    await startPath(near, 41.5, opening());
    expect(await controlled).toBe(41.5);
  });

  it('looks again at a path that seems too slow, and takes the best of what it saw', async () => {
    const [near, far] = duplexPair();
    const clock = new FakeClock();
    const { signal } = new AbortController();
    const delays = [50, 40, 20];
    let pings = 0;
    far.on('data', (chunk: Buffer) => {
      const pongs = Buffer.from(chunk);
      for (let offset = 0; offset < pongs.length; offset += 9) pongs.writeUInt8(2, offset);
      clock.setTimer(delays[Math.floor(pings / 3)] ?? 0, () => far.write(pongs));
      pings += chunk.length / 9;
    });
    const measured = measurePath(near, 25, { clock, signal });
    await clock.advance(500);
    expect(await measured).toBe(20);
    expect(pings).toBe(9);
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
    const expectation = expect(measurePath(near, 100, opening())).rejects.toMatchObject({ code: 'PATH_CLOSED' });
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
    const expectation = expect(measurePath(near, 100, { clock, signal: new AbortController().signal })).rejects.toMatchObject({
      code: 'PATH_SILENT',
    });
    await clock.advance(10_000);
    await expectation;
  });
});
