import { describe, expect, it } from 'vitest';
import { EvenFlow } from '../../src/core/even-flow.js';
import { FakeClock, settle } from './fake-clock.js';

const chunkBytes = 16 * 1024;

function flow(chunks: number) {
  const clock = new FakeClock();
  const even = new EvenFlow(clock);
  const passed: number[] = [];
  even.on('data', (chunk: Buffer) => passed.push(chunk.readUInt32BE()));
  for (let index = 0; index < chunks; index++) {
    const chunk = Buffer.alloc(chunkBytes);
    chunk.writeUInt32BE(index);
    even.write(chunk);
  }
  return { clock, even, passed };
}

describe('a flow to the router', () => {
  it('is not held up while it is small', async () => {
    const { clock, passed } = flow(4);
    await settle();
    expect(passed).toEqual([0, 1, 2, 3]);
    expect(clock.pending).toBe(0);
  });

  it('spreads a burst over milliseconds, in order and to the last byte', async () => {
    const { clock, even, passed } = flow(10);
    even.end();
    await settle();
    expect(passed).toEqual([0, 1, 2, 3]);
    await clock.advance(1);
    expect(passed).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    await clock.advance(1);
    expect(passed).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(even.readableEnded).toBe(true);
  });

  it('saves nothing up for later', async () => {
    const { clock, even, passed } = flow(0);
    await clock.advance(1000);
    for (let index = 0; index < 10; index++) even.write(Buffer.alloc(chunkBytes));
    await settle();
    expect(passed).toHaveLength(4);
  });

  it('passes what is larger than a burst, and lets the debt be paid', async () => {
    const { clock, even, passed } = flow(0);
    even.write(Buffer.alloc(20 * chunkBytes));
    even.write(Buffer.alloc(chunkBytes));
    await settle();
    expect(passed).toHaveLength(1);
    await clock.advance(3);
    expect(passed).toHaveLength(1);
    await clock.advance(2);
    expect(passed).toHaveLength(2);
  });

  it('lets a path that has come to be fast go on as fast', async () => {
    const { clock, even, passed } = flow(0);
    // 24 MiB at the least rate, which is 64 KiB a millisecond.
    for (let index = 0; index < 1536; index++) even.write(Buffer.alloc(chunkBytes));
    await clock.advance(49);
    const slow = passed.length;
    await clock.advance(1);
    const before = passed.length;
    await clock.advance(49);
    expect(slow).toBe(4 * 50);
    expect(passed.length - before).toBeGreaterThan(3 * slow);
  });

  it('forgets how fast a path was that has paused', async () => {
    const { clock, even, passed } = flow(1536);
    await clock.advance(1000);
    await clock.advance(1000);
    passed.length = 0;
    for (let index = 0; index < 10; index++) even.write(Buffer.alloc(chunkBytes));
    await settle();
    expect(passed).toHaveLength(4);
  });

  it('leaves no timer when it is destroyed', async () => {
    const { clock, even } = flow(10);
    await settle();
    expect(clock.pending).toBe(1);
    even.destroy();
    await settle();
    expect(clock.pending).toBe(0);
  });
});
