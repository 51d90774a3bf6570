import { describe, expect, test } from 'vitest';
import { type Attempt, endOf, groupAttempts } from '../../src/page/attempt-groups.js';
import { type Nat, natVerdict } from '../../src/page/nat-verdict.js';
import { areaPath, linePath, roundUp } from '../../src/page/plot-scale.js';

const iso = (second: number) => new Date(second * 1000).toISOString();

function attempt(startedAt: number, rest: Partial<Attempt> = {}, key = 'k'): Attempt {
  return {
    attempt: `${key}${startedAt}`,
    strategy: 'tcp-hole-punching',
    role: 'controlling',
    startedAt: iso(startedAt),
    provenAt: null,
    endedAt: iso(startedAt + 1),
    outcome: 'failed',
    failure: null,
    path: null,
    peer: { key, address: '200::1' },
    ...rest,
  };
}

describe('attempts on the page', () => {
  test('that race are one group, and those of a later try another, the newest first', () => {
    const groups = groupAttempts([attempt(0), attempt(0.25), attempt(60)], 100_000);
    expect(groups.map(({ attempts }) => attempts.length)).toEqual([1, 2]);
  });

  test('with different peers are different groups even at the same time', () => {
    expect(groupAttempts([attempt(0), attempt(0, {}, 'other')], 0)).toHaveLength(2);
  });

  test('are drawn until their path was proven, for a bridge may last', () => {
    const bridge = attempt(10, { outcome: 'ended', provenAt: iso(10.5), endedAt: iso(9000) });
    expect(endOf(bridge, 1e9)).toBe(10_500);
  });

  test('that are under way reach until now, but no further than half a minute', () => {
    const running = attempt(10, { outcome: 'under way', endedAt: null });
    expect(endOf(running, 12_000)).toBe(12_000);
    expect(endOf(running, 1e9)).toBe(40_000);
  });
});

describe('a plot', () => {
  test.each([
    [0, 1],
    [1, 1],
    [3, 5],
    [7, 10],
    [24, 50],
    [130, 200],
    [0.03, 0.05],
    [1_000_000, 1_000_000],
  ])('of values up to %d has an axis up to %d', (value, top) => expect(roundUp(value)).toBeCloseTo(top));

  const frame = { from: 0, to: 100, top: 10, width: 200, height: 50 };

  test('begins at the left with the oldest, and is high where the value is', () => {
    const points = [
      { at: 0, value: 0 },
      { at: 100, value: 10 },
    ];
    expect(linePath(points, frame)).toBe('M0.0 50.0L200.0 0.0');
    expect(areaPath(points, frame)).toBe('M0.0 50.0L0.0 50.0L200.0 0.0L200.0 50.0Z');
  });

  test('is broken where nothing was measured', () => {
    const points = [
      { at: 0, value: 5 },
      { at: 25, value: 5 },
      { at: 50, value: null },
      { at: 75, value: 5 },
    ];
    expect(linePath(points, frame)).toBe('M0.0 25.0L50.0 25.0M150.0 25.0');
  });

  test('of nothing is empty', () => expect(linePath([], frame)).toBe(''));
});

describe('the verdict on a NAT', () => {
  const nat: Nat = {
    translated: 'yes',
    mapping: 'endpoint-independent',
    filtering: 'unknown',
    hairpinning: 'unknown',
    portPreservation: 'unknown',
    portAllocation: { kind: 'random', parity: 'unknown' },
    severalAddresses: 'no',
    doubtful: [],
  };

  test.each([
    ['none', { translated: 'no' }, 'No NAT'],
    ['one that keeps its port', {}, 'nearly every peer'],
    ['one that counts', { mapping: 'address-dependent', portAllocation: { kind: 'sequential', parity: 'no' } }, 'mostly works'],
    ['one with random ports', { mapping: 'address-dependent' }, 'a relay with the rest'],
    ['one that nobody could tell', { mapping: 'unknown' }, 'too few servers'],
  ] as const)('of %s', (_kind, differs, words) => expect(natVerdict({ ...nat, ...differs })).toContain(words));
});
