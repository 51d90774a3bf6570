import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../../src/core/net.js';
import {
  type Mapping,
  mappingOf,
  mappings,
  predictPorts,
  shuffledPorts,
} from '../../src/strategies/udp-hole-punching/mapping.js';
import { planFor } from '../../src/strategies/udp-hole-punching/plan.js';
import { testPlans } from './plan-table.js';

const samples = (...ports: number[]): Endpoint[] => ports.map((port) => ({ address: '20.0.1.2', port }));
const describePlan = (own: Mapping, peer: Mapping, direct = false) => {
  const plan = planFor(own, peer, { direct });
  if (plan.kind === 'birthday') return plan.side;
  return plan.kind === 'hopeless' ? plan.code : plan.kind;
};

describe('the plan', () => {
  const expected: Record<Mapping, readonly string[]> = {
    //            independent    predictable          random               unknown        blocked
    independent: ['checks', 'checks', 'probe', 'checks', 'UDP_BLOCKED'],
    predictable: ['checks', 'checks', 'DOUBLE_RANDOM_NAT', 'checks', 'UDP_BLOCKED'],
    random: ['open', 'DOUBLE_RANDOM_NAT', 'DOUBLE_RANDOM_NAT', 'open', 'UDP_BLOCKED'],
    unknown: ['checks', 'checks', 'probe', 'checks', 'UDP_BLOCKED'],
    blocked: ['UDP_BLOCKED', 'UDP_BLOCKED', 'UDP_BLOCKED', 'UDP_BLOCKED', 'UDP_BLOCKED'],
  };
  testPlans({ names: mappings, expected, describe: describePlan, hopeless: ['DOUBLE_RANDOM_NAT', 'UDP_BLOCKED'] });
});

describe('a mapping', () => {
  it.each([
    ['unknown', []],
    ['unknown', [5000]],
    ['independent', [5000, 5000]],
    ['independent', [5000, 5000, 5000]],
    ['predictable', [5000, 5001, 5002]],
    ['predictable', [5000, 5000, 5003]],
    ['predictable', [5010, 5008, 5006]],
    ['random', [5000, 61_234]],
    ['random', [5000, 5001, 43_210]],
    ['random', [5000, 5001, 5000]],
  ] as const)('is %s when servers see the ports %j', (mapping, ports) => {
    expect(mappingOf(samples(...ports))).toBe(mapping);
  });
});

describe('predicted ports', () => {
  it('follow the last sample', () => {
    expect(predictPorts(samples(5000, 5001, 5002)).slice(0, 3)).toEqual([5003, 5004, 5005]);
  });

  it('keep the parity that the samples have', () => {
    expect(predictPorts(samples(5000, 5002, 5006)).slice(0, 3)).toEqual([5008, 5010, 5012]);
  });

  it('go down with a NAT that counts down', () => {
    expect(predictPorts(samples(5006, 5002, 5000)).slice(0, 3)).toEqual([4998, 4996, 4994]);
  });

  it('are ports', () => {
    expect(predictPorts(samples(65_530, 65_532))).toEqual([65_534]);
    expect(predictPorts(samples(1030, 1027))).toEqual([1024]);
  });

  it('are none where there is nothing to foresee', () => {
    expect(predictPorts(samples(5000, 5000))).toEqual([]);
    expect(predictPorts(samples(5000, 61_234))).toEqual([]);
  });
});

it('shuffled ports are all dynamic ones, each once', () => {
  const ports = [...shuffledPorts(Math.random)];
  expect(new Set(ports).size).toBe(64_512);
  expect(Math.min(...ports)).toBe(1024);
  expect(Math.max(...ports)).toBe(65_535);
  expect(ports).toHaveLength(64_512);
});
