import { describe, expect, it } from 'vitest';
import { Rumours } from '../../src/discovery/gossip/rumours.js';
import { FakeClock } from './fake-clock.js';

const hour = 3_600_000;
const keyNumber = (number: number) => number.toString(16).padStart(64, '0');
const [honest, liar] = [keyNumber(1_000_001), keyNumber(1_000_002)];
const any = () => true;
const about = (...numbers: number[]) =>
  numbers.map((number) => ({ key: keyNumber(number), offers: ['relay'] as const, ageMs: 0 }));

function rumours(fraction = 0) {
  const clock = new FakeClock();
  return { clock, heard: new Rumours(clock, { bytes: (length) => new Uint8Array(length), fraction: () => fraction }) };
}

describe('what others tell of agents', () => {
  it('is a lead, with who told of it', () => {
    const { heard } = rumours();
    heard.hear(honest, about(1));
    expect(heard.pick(any)).toEqual({ key: keyNumber(1), toldBy: honest });
  });

  it('leads to those that are of use', () => {
    const { heard } = rumours();
    heard.hear(honest, [{ key: keyNumber(1), offers: ['stun'], ageMs: 0 }, ...about(2)]);
    expect(heard.pick((_, offers) => offers.includes('relay'))?.key).toBe(keyNumber(2));
  });

  it('has a newest, and what is told of again is no newer for it', async () => {
    const { heard, clock } = rumours();
    heard.hear(honest, about(1));
    await clock.advance(1000);
    heard.hear(liar, about(2));
    await clock.advance(1000);
    heard.hear(honest, about(1));
    expect(heard.newest(any)).toMatchObject({ key: keyNumber(2), toldBy: liar });
    expect(heard.newest((key) => key !== keyNumber(2))).toMatchObject({ key: keyNumber(1), toldBy: honest });
  });

  it('expires a day after the teller has met them', async () => {
    const { clock, heard } = rumours();
    heard.hear(honest, [{ key: keyNumber(1), offers: ['relay'], ageMs: 20 * hour }]);
    await clock.advance(4 * hour);
    expect(heard.pick(any)).toBeUndefined();
  });

  it('is nothing when it is about the teller', () => {
    const { heard } = rumours();
    heard.hear(keyNumber(1), about(1));
    expect(heard.size).toBe(0);
  });

  it('is settled for all who told of it', () => {
    const { heard } = rumours();
    heard.hear(honest, about(1));
    heard.hear(liar, about(1));
    heard.settle(keyNumber(1), true);
    expect(heard.size).toBe(0);
  });
});

describe('a teller', () => {
  it('of 10,000 agents has 128 of them looked at', () => {
    const { heard } = rumours();
    for (let first = 0; first < 10_000; first += 50)
      heard.hear(liar, about(...Array.from({ length: 50 }, (_, at) => first + at)));
    expect(heard.size).toBe(128);
  });

  it('that tells much is not asked after more often than one that tells little', () => {
    const { heard } = rumours(0.99);
    heard.hear(liar, about(...Array.from({ length: 60 }, (_, at) => at)));
    heard.hear(honest, about(100));
    expect(heard.pick(any)?.toldBy).toBe(honest);
  });

  it('is a liar after four false records in a row, and all that it told is forgotten', () => {
    const { heard } = rumours();
    heard.hear(liar, about(1, 2, 3, 4, 5));
    expect([1, 2, 3].flatMap((number) => heard.settle(keyNumber(number), false))).toEqual([]);
    expect(heard.settle(keyNumber(4), false)).toEqual([liar]);
    expect(heard.size).toBe(0);
  });

  it('is none when one of them was true', () => {
    const { heard } = rumours();
    heard.hear(honest, about(1, 2, 3, 4, 5));
    for (const number of [1, 2, 3]) heard.settle(keyNumber(number), false);
    heard.settle(keyNumber(4), true);
    expect(heard.settle(keyNumber(5), false)).toEqual([]);
  });

  it('that lied is heard again after an hour', async () => {
    const { clock, heard } = rumours();
    heard.hear(liar, about(1, 2, 3, 4));
    for (const number of [1, 2, 3, 4]) heard.settle(keyNumber(number), false);
    heard.hear(liar, about(5));
    expect(heard.size).toBe(0);
    await clock.advance(hour);
    heard.hear(liar, about(5));
    expect(heard.size).toBe(1);
  });

  it('of a thousand that are heard costs no more memory than sixty-four', () => {
    const { heard } = rumours();
    for (let teller = 0; teller < 1000; teller++) heard.hear(keyNumber(teller), about(5000, 5001));
    expect(heard.size).toBe(128);
  });
});
