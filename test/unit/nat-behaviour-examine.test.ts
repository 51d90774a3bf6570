import { describe, expect, test } from 'vitest';
import type { BindUdpOptions, DatagramSocket, Endpoint, Net } from '../../src/core/net.js';
import { type ExaminationOptions, examineNat } from '../../src/discovery/nat-behaviour/examine-nat.js';
import { answerBinding, type ResponderPlace } from '../../src/discovery/stun/responder-answer.js';
import { encodeBindingResponse } from '../../src/discovery/stun/responder-codec.js';
import { SeededRandom } from '../../src/testing/seeded-random.js';
import { FakeClock } from './fake-clock.js';

type Scope = 'none' | 'address' | 'address-and-port';

interface NatModel {
  readonly mapping: Scope;
  readonly filtering: Scope;
  readonly hairpins?: boolean;
  /** The external port of the next mapping. */
  readonly port?: (local: number, count: number) => number;
}

const inside = '192.168.1.2';
const outside = '20.0.1.2';
const one = { address: '20.0.9.2', port: 3478 };
const two = { address: '20.0.9.3', port: 3479 };
const rfc5780 = placesOf(one, two);

/** Four places of a server, which is how RFC 5780 has it. */
function placesOf(a: Endpoint, b: Endpoint): ResponderPlace[] {
  const place = (local: Endpoint, other: Endpoint) => ({ local, other });
  const [c, d] = [
    { address: a.address, port: b.port },
    { address: b.address, port: a.port },
  ];
  return [place(a, b), place(b, a), place(c, d), place(d, c)];
}

/** A host behind a NAT of RFC 4787's terms, and servers that it can reach. */
class NatNetwork implements Pick<Net, 'bindUdp' | 'interfaces' | 'resolve'> {
  readonly clock = new FakeClock();
  readonly open = new Set<Endpoint>();
  readonly sentTo = new Set<string>();
  private readonly sockets = new Map<number, BindUdpOptions>();
  private readonly mappings = new Map<string, { external: number; local: number; permitted: Endpoint[] }>();
  private nextLocal = 40_000;

  constructor(
    private readonly nat: NatModel | undefined,
    private readonly places: readonly ResponderPlace[],
    /** A server that tells this instead of what it sees. */
    private readonly lies: Readonly<Record<string, Endpoint>> = {},
  ) {}

  async bindUdp(options: BindUdpOptions): Promise<DatagramSocket> {
    const local = { address: '0.0.0.0', port: this.nextLocal++ };
    this.sockets.set(local.port, options);
    this.open.add(local);
    return {
      local,
      send: (data, remote) => this.out(Buffer.from(data), local.port, remote),
      setTtl: () => {},
      close: async () => void this.open.delete(local),
    };
  }

  interfaces() {
    const address = this.nat ? inside : outside;
    return [{ name: 'eth0', address, family: 4 as const, prefixLength: 24, internal: false }];
  }

  async resolve(host: string) {
    return [host];
  }

  /** Examines to the end, however long that takes. */
  async examine(servers: readonly string[], options: Partial<ExaminationOptions> = {}) {
    let over = false;
    const examination = examineNat({
      net: this,
      clock: this.clock,
      random: new SeededRandom('examination'),
      family: 4,
      servers,
      ...options,
    }).finally(() => {
      over = true;
    });
    examination.catch(() => undefined);
    while (!over) await this.clock.advance(100);
    return examination;
  }

  private out(data: Buffer, local: number, remote: Endpoint): void {
    this.sentTo.add(`${remote.address}:${remote.port}`);
    const source = this.translate(local, remote);
    if (remote.address === outside) {
      if (this.nat?.hairpins) this.in(data, remote.port, source);
      return;
    }
    const place = this.places.find(({ local: at }) => at.address === remote.address && at.port === remote.port);
    const answer = place && answerBinding(data, { remote: source, place, transport: 'udp' });
    if (!answer) return;
    const lie = this.lies[remote.address];
    this.in(
      Buffer.from(lie ? encodeBindingResponse(data.subarray(8, 20), { mapped: lie }) : answer.bytes),
      answer.to.port,
      answer.from,
    );
  }

  private translate(local: number, remote: Endpoint): Endpoint {
    if (!this.nat) return { address: outside, port: local };
    const { mapping, port = (own: number) => own } = this.nat;
    const scope = { none: '', address: remote.address, 'address-and-port': `${remote.address}:${remote.port}` }[mapping];
    const key = `${local} ${scope}`;
    const found = this.mappings.get(key) ?? { external: port(local, this.mappings.size), local, permitted: [] };
    this.mappings.set(key, found);
    found.permitted.push(remote);
    return { address: outside, port: found.external };
  }

  private in(data: Buffer, port: number, from: Endpoint): void {
    const mapping = this.nat ? [...this.mappings.values()].find(({ external }) => external === port) : undefined;
    if (this.nat && !mapping) return;
    const { filtering = 'none' } = this.nat ?? {};
    const fits = ({ address, port: at }: Endpoint) => address === from.address && (filtering === 'address' || at === from.port);
    if (filtering !== 'none' && !mapping?.permitted.some(fits)) return;
    this.clock.setTimer(5, () => this.sockets.get(mapping?.local ?? port)?.onMessage(data, from));
  }
}

const scopes = {
  none: 'endpoint-independent',
  address: 'address-dependent',
  'address-and-port': 'address-and-port-dependent',
} as const;
const models = (Object.keys(scopes) as Scope[]).flatMap((mapping) =>
  (Object.keys(scopes) as Scope[]).map((filtering) => ({ mapping, filtering })),
);
const server = (endpoint: Endpoint) => `${endpoint.address}:${endpoint.port}`;
const ports = new SeededRandom('nat');
const random = () => ports.integer(20_000, 59_999);

describe('one server of RFC 5780', () => {
  test.each(models)('tells a NAT with mapping by $mapping and filtering by $filtering', async ({ mapping, filtering }) => {
    const network = new NatNetwork({ mapping, filtering, port: (local, count) => local + 1_000 + count }, rfc5780);
    const { behaviour, rfc5780: capable } = await network.examine([server(one)]);
    expect(capable).toBe(true);
    expect(behaviour).toMatchObject({ translated: 'yes', mapping: scopes[mapping], filtering: scopes[filtering] });
    expect(network.open.size).toBe(0);
    expect(network.clock.pending).toBe(0);
  });

  test('tells that there is no NAT', async () => {
    const { behaviour } = await new NatNetwork(undefined, rfc5780).examine([server(one)]);
    expect(behaviour).toMatchObject({ translated: 'no', filtering: 'endpoint-independent', hairpinning: 'unknown' });
  });

  test.each([true, false])('tells hairpinning: %s, behind the strictest filter too', async (hairpins) => {
    const network = new NatNetwork({ mapping: 'none', filtering: 'address-and-port', hairpins }, rfc5780);
    expect((await network.examine([server(one)])).behaviour.hairpinning).toBe(hairpins ? 'yes' : 'no');
  });

  test.each([
    ['preserving', (local: number) => local],
    ['sequential', (_local: number, count: number) => 50_000 + 2 * count],
    ['random', random],
  ])('tells that ports are %s', async (kind, port) => {
    const network = new NatNetwork({ mapping: 'none', filtering: 'address-and-port', port }, rfc5780);
    expect((await network.examine([server(one)])).behaviour.portAllocation).toMatchObject({ kind });
  });

  test.each([
    ['its own address', { address: one.address, port: 9 }],
    ['loopback', { address: '127.0.0.1', port: 9 }],
    ['a private network', { address: '192.168.1.1', port: 9 }],
  ])('is not followed to %s', async (_what, other) => {
    const network = new NatNetwork({ mapping: 'none', filtering: 'none' }, [{ local: one, other }]);
    const { rfc5780: capable, behaviour } = await network.examine([server(one)]);
    expect({ capable, filtering: behaviour.filtering }).toEqual({ capable: false, filtering: 'unknown' });
    expect([...network.sentTo].filter((place) => !place.startsWith(outside))).toEqual([server(one)]);
  });
});

describe('ordinary servers', () => {
  const ordinary = ['20.0.9.2', '20.0.9.3', '20.0.9.4'].map((address) => ({ local: { address, port: 3478 } }));
  const names = ordinary.map(({ local }) => server(local));

  test.each([
    ['none', 'endpoint-independent'],
    ['address', 'endpoint-dependent'],
  ] as const)('tell mapping by %s as %s, and nothing of filtering', async (mapping, expected) => {
    const network = new NatNetwork({ mapping, filtering: 'none', port: random }, ordinary);
    const { behaviour, rfc5780: capable } = await network.examine(names);
    expect({ capable, mapping: behaviour.mapping, filtering: behaviour.filtering }).toEqual({
      capable: false,
      mapping: expected,
      filtering: 'unknown',
    });
  });

  test('outvote one that lies', async () => {
    const liar = { '20.0.9.2': { address: '20.6.6.6', port: 666 } };
    const { behaviour } = await new NatNetwork({ mapping: 'none', filtering: 'none' }, ordinary, liar).examine(names);
    expect(behaviour).toMatchObject({ mapping: 'endpoint-independent', severalAddresses: 'no', doubtful: ['20.0.9.2'] });
    expect(behaviour.portAllocation.kind).toBe('preserving');
  });

  test('that are silent leave the others’ word', async () => {
    const { behaviour, failures } = await new NatNetwork({ mapping: 'none', filtering: 'none' }, ordinary.slice(1)).examine(
      names,
    );
    expect(behaviour.mapping).toBe('endpoint-independent');
    expect(failures).toMatchObject([{ server: names[0], code: 'ETIMEDOUT' }]);
  });
});

test('an examination that is called off leaves no socket and no timer', async () => {
  const controller = new AbortController();
  const network = new NatNetwork({ mapping: 'none', filtering: 'address-and-port' }, rfc5780);
  const reason = new Error('enough');
  network.clock.setTimer(300, () => controller.abort(reason));
  await expect(network.examine([server(one)], { signal: controller.signal })).rejects.toBe(reason);
  expect(network.open.size).toBe(0);
  expect(network.clock.pending).toBe(0);
});
