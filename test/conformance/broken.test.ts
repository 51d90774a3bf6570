import { describe, expect, it, test } from 'vitest';
import type { Strategy, StrategyServices } from '../../src/core/strategy.js';
import { rules } from '../../src/testing/conformance/rules.js';
import { strategyConformance } from '../../src/testing.js';
import { broken } from './broken.js';
import { DirectStrategy } from './direct-strategy.js';
import { runKit } from './run-kit.js';

const supports = { opens: ['public'] } as const;

describe('a strategy that keeps the contract', () => {
  strategyConformance({ test, unclaimed: 'omit', factory: (services) => new DirectStrategy(services), supports });
});

describe('a strategy is caught, and for the right reason, that', () => {
  it.each(broken)('$what', async ({ Broken, breaks, says, alone = true, opens = 'public' }) => {
    const failures = await runKit({
      factory: (services): Strategy => make(Broken, services),
      supports: { opens: [opens] },
    });
    const named = breaks === 'opens' ? [...failures.keys()].find((name) => name.startsWith('opens a path')) : breaks.name;
    expect(failures.get(named ?? ''), `of the rule “${named}”`).toMatch(says);
    // What breaks one rule alone is no reason to complain about another.
    if (alone) expect([...failures.keys()]).toEqual([named]);
    // Whatever else breaks says the same thing.
    else for (const text of failures.values()) expect(text).toMatch(says);
  });

  it('breaks any of the rules: there is one for each', () => {
    const caught = new Set(broken.map(({ breaks }) => breaks));
    expect(rules.filter((rule) => !caught.has(rule)).map(({ name }) => name)).toEqual([]);
  });
});

function make(Broken: (typeof broken)[number]['Broken'], services: StrategyServices): Strategy {
  return 'create' in Broken ? Broken.create({ lifetime: 3600 }, services) : new Broken(services);
}
