import { describe, expect, it } from 'vitest';
import { candidatesMessage, type NatFinding } from '../../src/strategies/tcp-hole-punching/messages.js';
import { predictPorts } from '../../src/strategies/tcp-hole-punching/nat-finding.js';
import { mayComeEarly, planFor } from '../../src/strategies/tcp-hole-punching/plan.js';
import { testPlans } from './plan-table.js';

const nats = {
  independent: { mapping: 'independent', allocation: 'random', canProbe: true },
  preserving: { mapping: 'unknown', allocation: 'preserving', canProbe: true },
  'without addon': { mapping: 'independent', allocation: 'preserving', canProbe: false },
  counting: { mapping: 'dependent', allocation: 'sequential', canProbe: true },
  random: { mapping: 'dependent', allocation: 'random', canProbe: true },
  'perhaps random': { mapping: 'unknown', allocation: 'random', canProbe: true },
  unknown: { mapping: 'unknown', allocation: 'unknown', canProbe: true },
  untold: undefined,
} as const satisfies Record<string, NatFinding | undefined>;
type Name = keyof typeof nats;
const names = Object.keys(nats) as Name[];

function describePlan(own: Name, peer: Name, direct = false): string {
  const plan = planFor(nats[own], nats[peer], { direct });
  return plan.kind === 'birthday' ? plan.side : plan.kind;
}

describe('the plan', () => {
  const expected: Record<Name, readonly string[]> = {
    //                 independent preserving no addon counting  random     perhaps   unknown  untold
    independent: ['punch', 'punch', 'punch', 'punch', 'probe', 'probe', 'punch', 'punch'],
    preserving: ['punch', 'punch', 'punch', 'punch', 'probe', 'probe', 'punch', 'punch'],
    'without addon': ['punch', 'punch', 'punch', 'punch', 'punch', 'punch', 'punch', 'punch'],
    counting: ['punch', 'punch', 'punch', 'punch', 'hopeless', 'punch', 'punch', 'punch'],
    random: ['open', 'open', 'punch', 'hopeless', 'hopeless', 'punch', 'punch', 'punch'],
    'perhaps random': ['open', 'open', 'punch', 'punch', 'punch', 'punch', 'punch', 'punch'],
    unknown: ['punch', 'punch', 'punch', 'punch', 'punch', 'punch', 'punch', 'punch'],
    untold: ['punch', 'punch', 'punch', 'punch', 'punch', 'punch', 'punch', 'punch'],
  };
  testPlans({ names, expected, describe: describePlan, hopeless: ['hopeless'] });
});

describe('a SYN before the peer’s', () => {
  const known: readonly Name[] = ['independent', 'preserving', 'without addon'];

  it('comes where both ends’ ports are known, and nowhere else', () => {
    const early = names.flatMap((own) => names.filter((peer) => mayComeEarly(nats[own], nats[peer])).map((peer) => [own, peer]));
    expect(early).toEqual(known.flatMap((own) => known.map((peer) => [own, peer])));
  });
});

describe('what the samples say of a NAT', () => {
  const at = (local: number, ...seen: number[]) => seen.map((external) => ({ local, external }));
  const probes = (first: number, second: number) => [...at(50_001, first), ...at(50_002, second)];

  it.each([
    ['keeps ports', at(50_000, 50_000), 'one', probes(50_001, 50_002), 'unknown', 'preserving'],
    ['keeps ports, two servers', at(50_000, 50_000, 50_000), 'agree', probes(50_001, 50_002), 'independent', 'preserving'],
    ['has one random port for all', at(50_000, 7000, 7000), 'agree', probes(61_000, 3000), 'independent', 'random'],
    ['has a random port for each', at(50_000, 7000, 31_000), 'disagree', probes(61_000, 3000), 'dependent', 'random'],
    ['has random ports, by one server', at(50_000, 7000), 'one', probes(61_000, 3000), 'unknown', 'random'],
    ['counts', at(50_000, 7000, 7002), 'disagree', probes(7004, 7006), 'dependent', 'sequential'],
    ['counts, and met the probes first', at(50_000, 7003), 'one', probes(7002, 7001), 'unknown', 'sequential'],
    ['is seen by nobody', [], 'none', [], 'unknown', 'unknown'],
    ['is seen once', at(50_000, 7000), 'one', [], 'unknown', 'unknown'],
  ] as const)('that %s', (_, punching, agreement, others, mapping, allocation) => {
    expect(predictPorts({ punching, agreement, probes: others }).finding).toEqual({ mapping, allocation });
  });

  it('names the ports that a counting one takes next', () => {
    const { next } = predictPorts({ punching: at(50_000, 7000, 7002), agreement: 'disagree', probes: probes(7004, 7006) });
    expect(next.slice(0, 3)).toEqual([7008, 7010, 7012]);
  });

  it('names no port beyond the last', () => {
    const { next } = predictPorts({
      punching: at(50_000, 65_530, 65_531),
      agreement: 'disagree',
      probes: probes(65_532, 65_533),
    });
    expect(next).toEqual([65_534, 65_535]);
  });

  it('names no ports where one mapping serves all', () => {
    const { next } = predictPorts({ punching: at(50_000, 7000, 7000), agreement: 'agree', probes: probes(7001, 7002) });
    expect(next).toEqual([]);
  });
});

describe('a message', () => {
  const candidates = [{ type: 'server-reflexive', address: '192.0.2.1', port: 5000 }];

  it('of an agent that does not look at its NAT is valid', () => {
    expect(candidatesMessage.parse({ candidates })).toEqual({ candidates, seal: false });
  });

  it('with a finding that is not understood counts as one without', () => {
    expect(candidatesMessage.parse({ candidates, nat: { mapping: 'psychic' } }).nat).toBeUndefined();
  });
});
