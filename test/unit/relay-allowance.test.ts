import { describe, expect, it } from 'vitest';
import { Allowance } from '../../src/relay/server/allowance.js';
import { FakeClock } from './fake-clock.js';

const signal = new AbortController().signal;
const unlimited = {
  rate: 1e12,
  ratePerPeer: 1e12,
  bytesPerDay: 1e15,
  bytesPerDayPerPeer: 1e15,
  timePerDay: 1e12,
  timePerDayPerPeer: 1e12,
};

/** Carries `count` pieces of 1000 bytes, one after the other. @returns when all have gone, in fake milliseconds */
async function carry(clock: FakeClock, allowance: Allowance, peer: string, count: number): Promise<number> {
  for (let piece = 0; piece < count; piece++) await allowance.spend(peer, 1000, signal);
  return clock.now();
}

describe('what a relay grants', () => {
  it('is a rate for each peer', async () => {
    const clock = new FakeClock();
    const allowance = new Allowance(clock, { ...unlimited, ratePerPeer: 1000 });
    const one = carry(clock, allowance, 'north', 10);
    const other = carry(clock, allowance, 'south', 10);
    await clock.advance(60_000);
    expect(await one).toBe(10_000);
    expect(await other).toBe(10_000);
  });

  it('is a rate for all together', async () => {
    const clock = new FakeClock();
    const allowance = new Allowance(clock, { ...unlimited, rate: 1000 });
    const both = Promise.all([carry(clock, allowance, 'north', 5), carry(clock, allowance, 'south', 5)]);
    await clock.advance(60_000);
    expect(Math.max(...(await both))).toBe(10_000);
  });

  it('lets little through at once, and nothing be saved up', async () => {
    const clock = new FakeClock();
    const allowance = new Allowance(clock, { ...unlimited, ratePerPeer: 100_000 });
    expect(await carry(clock, allowance, 'north', 10)).toBe(0);
    await clock.advance(3_600_000);
    const start = clock.now();
    const all = carry(clock, allowance, 'north', 200);
    await clock.advance(60_000);
    expect((await all) - start).toBeGreaterThanOrEqual(1900);
  });

  it('is an amount a day for each peer, and others go on', async () => {
    const clock = new FakeClock();
    const allowance = new Allowance(clock, { ...unlimited, bytesPerDayPerPeer: 3000 });
    await carry(clock, allowance, 'north', 3);
    await expect(carry(clock, allowance, 'north', 1)).rejects.toMatchObject({ code: 'RELAY_BYTES_SPENT' });
    await carry(clock, allowance, 'south', 3);
    await clock.advance(24 * 3_600_000);
    await carry(clock, allowance, 'north', 3);
  });

  it('is an amount a day for all together', async () => {
    const clock = new FakeClock();
    const allowance = new Allowance(clock, { ...unlimited, bytesPerDay: 3000 });
    await carry(clock, allowance, 'north', 3);
    expect(() => allowance.check('south')).toThrow(expect.objectContaining({ code: 'RELAY_BYTES_SPENT' }));
  });

  it('is a time a day for each peer, and others go on', async () => {
    const clock = new FakeClock();
    const allowance = new Allowance(clock, { ...unlimited, timePerDayPerPeer: 60_000 });
    allowance.spendTime('north', 59_000);
    expect([allowance.timeLeft('north'), allowance.timeLeft('south')]).toEqual([1000, 60_000]);
    allowance.spendTime('north', 1000);
    expect(() => allowance.check('north')).toThrow(expect.objectContaining({ code: 'RELAY_TIME_SPENT' }));
    allowance.check('south');
    await clock.advance(24 * 3_600_000);
    allowance.check('north');
  });

  it('is a time a day for all together', () => {
    const allowance = new Allowance(new FakeClock(), { ...unlimited, timePerDay: 60_000 });
    allowance.spendTime('north', 60_000);
    expect(() => allowance.check('south')).toThrow(expect.objectContaining({ code: 'RELAY_TIME_SPENT' }));
  });

  it('ends the wait with the circuit', async () => {
    const clock = new FakeClock();
    const allowance = new Allowance(clock, { ...unlimited, ratePerPeer: 1000 });
    const over = new AbortController();
    const waiting = allowance.spend('north', 5000, over.signal);
    over.abort(new Error('it is over'));
    await expect(waiting).rejects.toThrow('it is over');
    expect(clock.pending).toBe(0);
  });
});
