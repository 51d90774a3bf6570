import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import type { NatExamination } from '../../../src/discovery/nat-behaviour/examine-nat.js';
import { Lab } from '../lab.js';
import type { NatKindName } from '../nat-kinds.js';

const tsx = import.meta.resolve('tsx');
const script = (name: string) => [process.execPath, '--import', tsx, fileURLToPath(new URL(name, import.meta.url))];
const servers = { coturn: ['20.0.9.2:3478'], ordinary: ['20.0.9.2:3478', '20.0.9.3:3478'] };

let lab: Lab | undefined;
afterEach(async () => {
  await lab?.close();
  lab = undefined;
});

async function examine(kind: NatKindName, args: readonly string[], { turn = true } = {}): Promise<NatExamination> {
  lab ??= await Lab.create({ a: kind, routers: false, turn });
  return JSON.parse(await lab.a.exec([...script('examine.ts'), ...args])) as NatExamination;
}

/** Our own responder at the public peer, once it answers. */
async function serve(kind: NatKindName, ...args: string[]): Promise<void> {
  lab = await Lab.create({ a: kind, routers: false, turn: false });
  const cli = fileURLToPath(new URL('../../../src/cli.ts', import.meta.url));
  const responder = lab.p.spawn([process.execPath, '--import', tsx, cli, 'stun', ...args], { name: 'stun' });
  let places = 0;
  await responder.line('place that it answers on', (line) => {
    if (line.startsWith('answering STUN')) places += 1;
    return places === (args.includes('--alternate') ? 4 : 1) || undefined;
  });
}

const behaviours = {
  public: { translated: 'no', mapping: 'endpoint-independent', filtering: 'endpoint-independent', portPreservation: 'yes' },
  fw: { translated: 'no', mapping: 'endpoint-independent', filtering: 'address-and-port-dependent', portPreservation: 'yes' },
  cone: { translated: 'yes', mapping: 'endpoint-independent', filtering: 'endpoint-independent', portPreservation: 'yes' },
  prc: { translated: 'yes', mapping: 'endpoint-independent', filtering: 'address-and-port-dependent', portPreservation: 'yes' },
  cgnat: { translated: 'yes', mapping: 'endpoint-independent', filtering: 'address-and-port-dependent', portPreservation: 'yes' },
  sym: {
    translated: 'yes',
    mapping: 'address-and-port-dependent',
    filtering: 'address-and-port-dependent',
    portPreservation: 'no',
    portAllocation: { kind: 'random' },
  },
} as const;
const kinds = Object.entries(behaviours) as [keyof typeof behaviours, (typeof behaviours)[keyof typeof behaviours]][];

describe('by one server of RFC 5780', () => {
  test.each(kinds)('%s is known for what it is, with coturn', async (kind, behaviour) => {
    const { behaviour: found, ...rest } = await examine(kind, servers.coturn);
    expect({ ...rest, ...found }).toMatchObject({ rfc5780: true, failures: [], ...behaviour });
  });

  test.each(kinds)('%s is known for what it is, with our own responder', async (kind, behaviour) => {
    await serve(kind, '--listen', '20.0.9.2:3478', '--alternate', '20.0.9.3:3479');
    const { behaviour: found, ...rest } = await examine(kind, servers.coturn);
    expect({ ...rest, ...found }).toMatchObject({ rfc5780: true, failures: [], ...behaviour });
  });

  test('a mapping that lives through its idle time is told from one that does not', async () => {
    await serve('prc', '--listen', '20.0.9.2:3478', '--alternate', '20.0.9.3:3479');
    const timeouts = ['net.netfilter.nf_conntrack_udp_timeout=2', 'net.netfilter.nf_conntrack_udp_timeout_stream=2'];
    await lab?.node('ra').exec(['sysctl', '-w', ...timeouts]);
    const { behaviour } = await examine('prc', [...servers.coturn, '500', '4000']);
    expect(behaviour.lifetime).toEqual({ aliveMs: 500, goneMs: 4000 });
  });
});

describe('by ordinary servers', () => {
  test('two addresses tell mapping apart, and filtering stays unknown', async () => {
    await serve('prc', '--listen', '20.0.9.2:3478', '--listen', '20.0.9.3:3478');
    expect(await examine('prc', servers.ordinary)).toMatchObject({
      rfc5780: false,
      behaviour: { mapping: 'endpoint-independent', filtering: 'unknown' },
    });
  });

  test('a mapping that depends on the destination is known as such', async () => {
    await serve('sym', '--listen', '20.0.9.2:3478', '--listen', '20.0.9.3:3478');
    expect(await examine('sym', servers.ordinary)).toMatchObject({
      rfc5780: false,
      behaviour: { mapping: 'endpoint-dependent', filtering: 'unknown', portAllocation: { kind: 'random' } },
    });
  });
});

test('nothing is claimed of a NAT that forwards no UDP', async () => {
  expect(await examine('udpblock', servers.ordinary)).toMatchObject({
    rfc5780: false,
    failures: [{ code: 'ETIMEDOUT' }, { code: 'ETIMEDOUT' }],
    behaviour: { translated: 'unknown', mapping: 'unknown', filtering: 'unknown', hairpinning: 'unknown' },
  });
});
