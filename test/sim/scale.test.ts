import { beforeAll, describe, expect, it } from 'vitest';
import { type ScaleFigures, simulateScale } from '../../bench/scale/simulate.js';

describe('sixty agents that come and go, of whom four relay, and a fifth that begins to', () => {
  let figures: ScaleFigures;

  beforeAll(async () => {
    const population = { nodes: 60, relays: 4, pairs: 5, regions: 8 };
    figures = await simulateScale({ ...population, seed: 'test', warmUpMinutes: 2, minutes: 5, churn: 0.1 });
  }, 180_000);

  it('say little to each other: at most ten messages and 4 kB a minute each', () => {
    expect(figures.messages).toBeGreaterThan(0);
    expect(figures.messages).toBeLessThan(10);
    expect(figures.bytes).toBeLessThan(4000);
  });

  it('have all but one of ten been told of the new relay within two minutes', () => {
    expect(figures.newRelay.mostToldS).toBeLessThanOrEqual(120);
  });

  it('use the new relay where it is the best', () => {
    expect(figures.newRelay.pairs).toBeGreaterThan(0);
    expect(figures.newRelay.firstUsedS).toBeLessThanOrEqual(300);
  });

  it('have paths over relays that are nearly the best there are', () => {
    expect(figures.routes.pairs).toBeGreaterThanOrEqual(4);
    expect(figures.routes.mean).toBeLessThan(1.25);
  });
});
