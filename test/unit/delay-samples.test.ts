import { describe, expect, it } from 'vitest';
import { DelaySamples } from '../../src/core/routes/one-way-delay.js';

/** An answer that took so long each way, by a clock that is an hour ahead. */
const exchange = (outMs: number, inMs: number, restMs = 0) => {
  const ahead = 3_600_000;
  return {
    sentAt: 100,
    heardAt: 100 + outMs + ahead,
    answeredAt: 100 + outMs + restMs + ahead,
    returnedAt: 100 + outMs + restMs + inMs,
  };
};

describe('delays from exchanges', () => {
  it('are none before the first answer', () => {
    const samples = new DelaySamples();
    samples.addLost();
    expect(samples.delays).toBeUndefined();
  });

  it('are the least of all: a packet that met a queue moves nothing', () => {
    const samples = new DelaySamples();
    for (const [outMs, inMs] of [
      [10, 30],
      [10, 30],
      [500, 30],
      [10, 900],
      [10, 30],
    ] as const)
      samples.add(exchange(outMs, inMs));
    expect(samples.delays).toEqual({ outMs: 3_600_010, inMs: -3_599_970, rttMs: 40 });
  });

  it('leave out how long the question lay at the other end', () => {
    const samples = new DelaySamples();
    samples.add(exchange(10, 30, 70));
    expect(samples.delays?.rttMs).toBe(40);
  });

  it('count a round trip more for each packet that must be sent again', () => {
    const samples = new DelaySamples();
    samples.add(exchange(10, 30));
    samples.addLost();
    expect(samples.delays).toEqual({ outMs: 3_600_030, inMs: -3_599_950, rttMs: 80 });
  });

  it.each([
    ['answers before it heard', { sentAt: 0, heardAt: 9, answeredAt: 8, returnedAt: 20 }],
    ['rested longer than all of it took', { sentAt: 0, heardAt: 5, answeredAt: 50, returnedAt: 20 }],
  ])('take no times of a node that %s', (_, impossible) => {
    const samples = new DelaySamples();
    samples.add(impossible);
    expect(samples.delays).toBeUndefined();
  });
});
