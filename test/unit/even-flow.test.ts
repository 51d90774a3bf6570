import { describe, expect, it } from 'vitest';
import { EvenFlow } from '../../src/core/even-flow.js';
import { FakeClock } from './fake-clock.js';

const chunkBytes = 16 * 1024;

/** A sender that has a number of chunks for a router, and sends each as soon as it may. */
function flow(chunks: number) {
  const clock = new FakeClock();
  const sender = { sent: 0, left: 0 };
  const even = new EvenFlow(clock.now());
  let open = true;
  const go = () => {
    while (open && sender.left > 0) {
      sender.left--;
      sender.sent++;
      const pauseMs = even.pass(chunkBytes, clock.now());
      if (pauseMs > 0) pause(pauseMs);
    }
  };
  const pause = (ms: number) => {
    open = false;
    clock.setTimer(ms, () => {
      open = true;
      go();
    });
  };
  const add = (more: number) => {
    sender.left += more;
    go();
  };
  add(chunks);
  return { clock, even, sender, add };
}

describe('a flow to the router', () => {
  it('is not held up while it is small', () => {
    const { clock, sender } = flow(2);
    expect(sender.sent).toBe(2);
    expect(clock.pending).toBe(0);
  });

  it('spreads a burst over milliseconds', async () => {
    const { clock, sender } = flow(10);
    expect(sender.sent).toBe(3);
    await clock.advance(1);
    expect(sender.sent).toBe(6);
    await clock.advance(1);
    expect(sender.sent).toBe(9);
    await clock.advance(1);
    expect(sender.sent).toBe(10);
    expect(clock.pending).toBe(0);
  });

  it('saves nothing up for later', async () => {
    const { clock, sender, add } = flow(0);
    await clock.advance(1000);
    add(10);
    expect(sender.sent).toBe(3);
  });

  it('lets the debt be paid that a large chunk has made', () => {
    expect(new EvenFlow(0).pass(20 * chunkBytes, 0)).toBe(5);
  });

  it('lets a path that has come to be fast go on as fast', async () => {
    const { clock, sender, add } = flow(0);
    add(10_000);
    await clock.advance(49);
    const slow = sender.sent;
    await clock.advance(1);
    const before = sender.sent;
    await clock.advance(49);
    expect(slow).toBeLessThanOrEqual(4 * 50 + 3);
    expect(sender.sent - before).toBeGreaterThan(3 * slow);
  });

  it('forgets how fast a path was that has paused', async () => {
    const { clock, sender, add } = flow(1536);
    await clock.advance(2000);
    expect(sender.left).toBe(0);
    const before = sender.sent;
    add(1);
    await clock.advance(100);
    add(10);
    expect(sender.sent - before).toBe(1 + 3);
  });

  it('knows whether more than 256 Mbit/s has come of late', async () => {
    const { clock, even } = flow(0);
    /** For 100 ms, so much in each. */
    const come = async (kilobytes: number) => {
      for (let ms = 0; ms < 100; ms++) {
        even.pass(kilobytes * 1024, clock.now());
        await clock.advance(1);
      }
    };
    expect(even.fast).toBe(false);
    await come(40);
    expect(even.fast).toBe(true);
    await come(24);
    expect(even.fast).toBe(false);
  });
});
