import { describe, expect, it } from 'vitest';
import { SessionActivity } from '../../src/core/session-activity.js';

describe('session activity', () => {
  it('counts what nobody announced', () => {
    const activity = new SessionActivity();
    activity.sample(104, 0);
    expect(activity.foreignBytes).toBe(104);
  });

  it('does not count what signalling announced', () => {
    const activity = new SessionActivity();
    activity.sample(100, 0);
    activity.creditOwn(1000, 10);
    activity.sample(700, 1000);
    expect(activity.foreignBytes).toBe(100);
  });

  it('counts what goes beyond the announcement', () => {
    const activity = new SessionActivity();
    activity.creditOwn(500, 0);
    activity.sample(800, 1000);
    expect(activity.foreignBytes).toBe(300);
  });

  it('forgets an announcement that did not come true', () => {
    const activity = new SessionActivity();
    activity.creditOwn(500, 0);
    activity.sample(0, 5000);
    activity.sample(400, 20_000);
    expect(activity.foreignBytes).toBe(400);
  });

  it('takes counters that fell as a new session', () => {
    const activity = new SessionActivity();
    activity.sample(5000, 0);
    activity.sample(208, 1000);
    expect(activity.foreignBytes).toBe(5208);
  });

  it('averages the rate towards what flows', () => {
    const activity = new SessionActivity();
    for (let second = 0; second <= 60; second++) activity.sample(second * 1000, second * 1000);
    expect(activity.rate).toBeGreaterThan(950);
    expect(activity.rate).toBeLessThanOrEqual(1000);
  });
});
