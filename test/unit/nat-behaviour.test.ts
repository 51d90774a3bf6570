import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Endpoint } from '../../src/core/net.js';
import { NatClassifier } from '../../src/discovery/nat-behaviour/classifier.js';
import { portAllocationOf } from '../../src/discovery/nat-behaviour/port-allocation.js';

/** `address:port`. */
function endpoint(text: string): Endpoint {
  const [address = '', port] = text.split(':');
  return { address, port: Number(port) };
}

/** [server, what it saw, our socket's port]. */
type Sample = [server: string, mapped: string, localPort?: number];

function classify(...samples: Sample[]) {
  const nat = new NatClassifier();
  for (const [server, mapped, port = 4000] of samples) {
    nat.addMapping({ local: { address: '192.168.1.2', port }, server: endpoint(server), mapped: endpoint(mapped) });
  }
  return nat.behaviour;
}

test('of nothing nothing is known', () => {
  expect(new NatClassifier().behaviour).toEqual({
    translated: 'unknown',
    mapping: 'unknown',
    filtering: 'unknown',
    hairpinning: 'unknown',
    portPreservation: 'unknown',
    portAllocation: { kind: 'unknown', parity: 'unknown' },
    severalAddresses: 'unknown',
    lifetime: {},
    doubtful: [],
  });
});

describe('mapping is', () => {
  test.each<[string, Sample[]]>([
    ['unknown', [['9.9.9.1:1', '20.0.0.1:5000']]],
    [
      'unknown',
      [
        ['9.9.9.1:1', '20.0.0.1:5000'],
        ['9.9.9.1:2', '20.0.0.1:5000'],
      ],
    ],
    [
      'unknown',
      [
        ['9.9.9.1:1', '20.0.0.1:5000', 1],
        ['9.9.9.2:1', '20.0.0.1:5001', 2],
      ],
    ],
    [
      'endpoint-independent',
      [
        ['9.9.9.1:1', '20.0.0.1:5000'],
        ['9.9.9.2:1', '20.0.0.1:5000'],
      ],
    ],
    [
      'endpoint-dependent',
      [
        ['9.9.9.1:1', '20.0.0.1:5000'],
        ['9.9.9.2:1', '20.0.0.1:5001'],
      ],
    ],
    [
      'endpoint-dependent',
      [
        ['9.9.9.1:1', '20.0.0.1:5000'],
        ['9.9.9.2:1', '20.0.0.2:5000'],
      ],
    ],
    [
      'address-dependent',
      [
        ['9.9.9.1:1', '20.0.0.1:5000'],
        ['9.9.9.2:1', '20.0.0.1:5001'],
        ['9.9.9.2:2', '20.0.0.1:5001'],
      ],
    ],
    [
      'address-and-port-dependent',
      [
        ['9.9.9.1:1', '20.0.0.1:5000'],
        ['9.9.9.1:2', '20.0.0.1:5001'],
      ],
    ],
    [
      'address-and-port-dependent',
      [
        ['9.9.9.1:1', '20.0.0.1:5000'],
        ['9.9.9.2:1', '20.0.0.1:5001'],
        ['9.9.9.2:2', '20.0.0.1:5002'],
        ['9.9.9.1:2', '20.0.0.1:5003'],
      ],
    ],
  ])('%s for %j', (mapping, samples) => {
    expect(classify(...samples).mapping).toBe(mapping);
  });

  test('what two servers say against a third, who is doubtful', () => {
    const { mapping, doubtful } = classify(
      ['9.9.9.1:1', '20.0.0.1:5000'],
      ['9.9.9.2:1', '20.6.6.6:666'],
      ['9.9.9.3:1', '20.0.0.1:5000'],
    );
    expect({ mapping, doubtful }).toEqual({ mapping: 'endpoint-independent', doubtful: ['9.9.9.2'] });
  });

  test('in doubt when one server contradicts one other, and neither is believed more', () => {
    const { mapping, doubtful } = classify(['9.9.9.1:1', '20.0.0.1:5000'], ['9.9.9.2:1', '20.6.6.6:666']);
    expect({ mapping, doubtful }).toEqual({ mapping: 'endpoint-dependent', doubtful: [] });
  });
});

describe('filtering is', () => {
  test.each([
    [{}, 'unknown'],
    [{ 'other-address': true }, 'endpoint-independent'],
    [{ 'other-address': true, 'other-port': true }, 'endpoint-independent'],
    [{ 'other-address': false, 'other-port': true }, 'address-dependent'],
    [{ 'other-port': true }, 'unknown'],
    [{ 'other-address': false, 'other-port': false }, 'address-and-port-dependent'],
    [{ 'other-port': false }, 'address-and-port-dependent'],
    [{ 'other-address': false }, 'endpoint-dependent'],
  ])('judged by %j to be %s', (answers, filtering) => {
    const nat = new NatClassifier();
    for (const [from, answered] of Object.entries(answers)) {
      nat.addFiltering({ from: from as 'other-address' | 'other-port', answered });
    }
    expect(nat.behaviour.filtering).toBe(filtering);
  });

  test('what one answer shows, though others of the kind were lost', () => {
    const nat = new NatClassifier();
    for (const answered of [false, true, false]) nat.addFiltering({ from: 'other-address', answered });
    expect(nat.behaviour.filtering).toBe('endpoint-independent');
  });
});

describe('translation', () => {
  test('is known not to be where servers see the local address and port', () => {
    expect(classify(['9.9.9.1:1', '192.168.1.2:4000'])).toMatchObject({ translated: 'no', portPreservation: 'yes' });
  });

  test('is there where only the address differs', () => {
    expect(classify(['9.9.9.1:1', '20.0.0.1:4000'])).toMatchObject({ translated: 'yes', portPreservation: 'yes' });
  });

  test('into several addresses is told', () => {
    expect(classify(['9.9.9.1:1', '20.0.0.1:5000', 1], ['9.9.9.1:1', '20.0.0.2:5000', 2]).severalAddresses).toBe('yes');
    expect(classify(['9.9.9.1:1', '20.0.0.1:5000', 1], ['9.9.9.1:1', '20.0.0.1:5001', 2]).severalAddresses).toBe('no');
  });

  test('by one mapping for several servers counts as one choice of a port', () => {
    const { portAllocation } = classify(
      ...['9.9.9.1:1', '9.9.9.2:1', '9.9.9.3:1'].map((server): Sample => [server, '20.0.0.1:5000', 4000]),
      ['9.9.9.1:1', '20.0.0.1:5001', 4001],
    );
    expect(portAllocation.kind).toBe('unknown');
  });
});

test('hairpinning was seen once it was seen', () => {
  const nat = new NatClassifier();
  nat.addHairpin(false);
  expect(nat.behaviour.hairpinning).toBe('no');
  nat.addHairpin(true);
  nat.addHairpin(false);
  expect(nat.behaviour.hairpinning).toBe('yes');
});

test('the lifetime lies between the longest idle time survived and the shortest not survived', () => {
  const nat = new NatClassifier();
  nat.addIdle(10_000, true);
  expect(nat.behaviour.lifetime).toEqual({ aliveMs: 10_000 });
  for (const [idleMs, alive] of [
    [20_000, true],
    [120_000, false],
    [60_000, false],
  ] as const)
    nat.addIdle(idleMs, alive);
  expect(nat.behaviour.lifetime).toEqual({ aliveMs: 20_000, goneMs: 60_000 });
});

describe('ports are chosen', () => {
  const from = (local: number, ...external: number[]) =>
    portAllocationOf(external.map((port, index) => ({ local: local + index, external: port })));

  test.each([
    ['preserving', from(4000, 4000, 4001, 4002)],
    ['preserving', from(4000, 4000, 61_234, 4002)],
    ['sequential', from(4000, 5000, 5001, 5002)],
    ['random', from(4000, 5000, 41_234, 20_001)],
    ['unknown', from(4000, 5000, 5001)],
    ['unknown', from(4000, 5000)],
    ['unknown', from(4000)],
  ])('%s in %j', (kind, allocation) => {
    expect(allocation.kind).toBe(kind);
  });

  test('in steps, up or down, though others take ports in between', () => {
    expect(from(4000, 5000, 5002, 5008, 5010)).toMatchObject({ kind: 'sequential', delta: 2 });
    expect(from(4000, 5000, 4999, 4998)).toMatchObject({ kind: 'sequential', delta: -1 });
  });

  test('in sequence though the range ends in between', () => {
    expect(from(4000, 65_534, 65_535, 1024, 1025)).toMatchObject({ kind: 'sequential', delta: 1 });
  });

  test('with the parity of the local ones, where enough samples say so', () => {
    expect(from(4000, 5000, 7001, 9000, 5551, 6000).parity).toBe('yes');
    expect(from(4000, 5000, 7001, 9000, 5551).parity).toBe('unknown');
    expect(from(4000, 5001).parity).toBe('no');
  });

  test('in sequence for every step and start', () => {
    const steps = fc.array(fc.integer({ min: 1, max: 128 }), { minLength: 2, maxLength: 10 });
    fc.assert(
      fc.property(fc.integer({ min: 10_000, max: 50_000 }), steps, fc.constantFrom(1, -1), (start, sizes, direction) => {
        const external = [start];
        for (const size of sizes) external.push((external.at(-1) ?? 0) + direction * size);
        expect(from(1, ...external)).toMatchObject({ kind: 'sequential', delta: direction * Math.min(...sizes) });
      }),
    );
  });
});
