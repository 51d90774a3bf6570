import { describe, expect, it } from 'vitest';
import { BackOff } from '../../src/core/back-off.js';

const steady = (fraction: number) => ({ bytes: () => new Uint8Array(), fraction: () => fraction });

describe('back-off', () => {
  it('doubles up to the longest pause', () => {
    const backOff = new BackOff({ firstMs: 100, longestMs: 500, random: steady(0.5) });
    expect([backOff.next(), backOff.next(), backOff.next(), backOff.next(), backOff.next()]).toEqual([100, 200, 400, 500, 500]);
  });

  it('stays within a quarter of the pause either way', () => {
    expect(new BackOff({ firstMs: 100, longestMs: 500, random: steady(0) }).next()).toBe(75);
    expect(new BackOff({ firstMs: 100, longestMs: 500, random: steady(1) }).next()).toBe(125);
  });

  it('starts over after a reset', () => {
    const backOff = new BackOff({ firstMs: 100, longestMs: 500, random: steady(0.5) });
    backOff.next();
    backOff.next();
    backOff.reset();
    expect(backOff.next()).toBe(100);
  });
});
