import { describe, expect, it } from 'vitest';
import { feature } from '../../src/core/signalling/messages.js';
import { linkedEnds } from './links.js';

describe('who wants a bridge whatever goes over it', () => {
  it('says so in hello', async () => {
    const { controlling, controlled } = await linkedEnds(undefined, [[feature.hold], []]);
    expect([controlling.held, controlled.held]).toEqual([false, true]);
  });

  it('can say so later, and take it back', async () => {
    const { controlling, controlled } = await linkedEnds();
    let told = 0;
    controlling.onHeld = () => {
      told += 1;
    };
    controlled.hold(true);
    await expect.poll(() => controlling.held).toBe(true);
    controlled.hold(false);
    await expect.poll(() => controlling.held).toBe(false);
    expect(told).toBe(1);
  });

  it('is not tried afresh as often as it likes', async () => {
    const { controlling, controlled } = await linkedEnds();
    let told = 0;
    controlling.onHeld = () => {
      told += 1;
    };
    for (let time = 0; time < 20; time++) controlled.hold(true);
    controlled.hold(false);
    await expect.poll(() => controlling.held).toBe(false);
    expect(told).toBe(4);
  });
});

describe('the clock of the peer', () => {
  it('is compared with ours along with the round trip', async () => {
    const { controlling } = await linkedEnds();
    expect(controlling.clockAheadMs).toBeUndefined();
    await controlling.measure();
    expect(controlling.clockAheadMs).toBe(0);
  });
});
