import { describe, expect, test } from 'vitest';
import { configSchema } from '../../src/core/config/schema.js';
import { errorCatalogue } from '../../src/core/error-catalogue.js';
import { AdminError } from '../../src/core/errors.js';
import type { NatBehaviour } from '../../src/discovery/nat-behaviour/behaviour.js';
import { NatClassifier } from '../../src/discovery/nat-behaviour/classifier.js';
import type { Observation } from '../../src/discovery/stun/agreement.js';
import { clockFinding } from '../../src/doctor/checks/clock.js';
import { type GatewayAnswer, gatewayFinding } from '../../src/doctor/checks/gateway.js';
import { internetFinding } from '../../src/doctor/checks/internet.js';
import { natFinding } from '../../src/doctor/checks/nat.js';
import { routerFindings } from '../../src/doctor/checks/router.js';
import { routesFinding } from '../../src/doctor/checks/routes.js';
import { type StunAnswers, stunFinding } from '../../src/doctor/checks/stun.js';
import { strategyVerdicts } from '../../src/doctor/strategy-verdicts.js';

const nothing = new NatClassifier().behaviour;
const nat = (behaviour: Partial<NatBehaviour>): NatBehaviour => ({ ...nothing, translated: 'yes', ...behaviour });

function answers(udp: NatBehaviour | undefined, seen: readonly string[], contradicted: readonly string[] = []): StunAnswers {
  const observations: Observation[] = seen.map((address, index) => ({
    server: `s${index}:3478`,
    mapped: { address, port: 4000 },
  }));
  const failures = seen.length > 0 ? [] : [{ server: 's:3478', code: 'ETIMEDOUT', message: 'no answer' }];
  return {
    udp: udp && { behaviour: udp, rfc5780: false, failures: [], strays: 0 },
    tcp: { mapped: observations[0]?.mapped, observations, agreement: 'agree', failures },
    contradicted,
  };
}

describe('the NAT', () => {
  test.each<[string, Partial<NatBehaviour>, boolean, 'ok' | 'problem' | 'unchecked', string | null]>([
    ['that is none', { translated: 'no' }, false, 'ok', null],
    ['with one port for all', { mapping: 'endpoint-independent' }, false, 'ok', null],
    [
      'that counts',
      { mapping: 'address-and-port-dependent', portAllocation: { kind: 'sequential', delta: 1, parity: 'no' } },
      false,
      'ok',
      null,
    ],
    [
      'with random ports',
      { mapping: 'endpoint-dependent', portAllocation: { kind: 'random', parity: 'no' } },
      false,
      'problem',
      'NAT_RANDOM_PORTS',
    ],
    [
      'with random ports that maps on request',
      { mapping: 'endpoint-dependent', portAllocation: { kind: 'random', parity: 'no' } },
      true,
      'ok',
      null,
    ],
    ['that one server alone has seen', {}, false, 'unchecked', null],
  ])('%s', (_, behaviour, mapsPorts, state, code) => {
    expect(natFinding(answers(nat(behaviour), ['20.0.0.5']), mapsPorts)).toMatchObject({ state, code });
  });

  test('shows nothing where nobody answers, and is not blamed', () => {
    expect(natFinding(answers(nothing, []), false).state).toBe('unchecked');
    expect(natFinding(undefined, false).state).toBe('unchecked');
  });

  test('of a network that answers over TCP alone does not let UDP pass', () => {
    expect(natFinding(answers(nothing, ['20.0.0.5']), false).code).toBe('UDP_BLOCKED');
  });
});

describe('STUN servers', () => {
  test('that agree say where this machine is', () => {
    const { state, message } = stunFinding(answers(nat({}), ['20.0.0.5', '20.0.0.5']), true);
    expect({ state, message }).toEqual({
      state: 'ok',
      message: '2 servers agree that the internet sees this machine at 20.0.0.5.',
    });
  });

  test('of which one lies are told apart, with its name', () => {
    const finding = stunFinding(answers(nat({}), ['20.0.0.5'], ['liar:3478']), true);
    expect(finding).toMatchObject({ code: 'STUN_CONTRADICTED', help: expect.stringContaining('Take liar:3478 out') as string });
  });

  test('that differ, two of them, are both in doubt', () => {
    expect(stunFinding(answers(nat({}), ['20.0.0.5', '20.0.0.7']), true).message).toContain('s0:3478 sees 20.0.0.5');
  });

  test('that are silent are named with the reason', () => {
    expect(stunFinding(answers(nothing, []), true)).toMatchObject({
      code: 'STUN_UNREACHABLE',
      message: expect.stringContaining('no answer') as string,
    });
  });

  test('that the configuration does not name are not missed', () => {
    expect(stunFinding(undefined, true).state).toBe('unchecked');
  });
});

describe('the gateway', () => {
  const gateway = { family: 4 as const, address: '192.168.1.1', interface: 'eth0', own: '192.168.1.2' };
  const said = (answer: Partial<GatewayAnswer>) => ({ gateway, spoken: [], failures: [], stalls: false, ...answer });

  test.each<[string, Partial<GatewayAnswer>, string | null]>([
    ['that maps ports', { spoken: [{ protocol: 'pcp' }, { protocol: 'upnp', externalAddress: '20.0.0.5' }] }, null],
    ['that maps none', { failures: [{ protocol: 'pcp', code: 'MAPPING_TIMEOUT', message: '' }] }, null],
    ['that is private itself', { spoken: [{ protocol: 'upnp', externalAddress: '100.64.0.2' }] }, 'NAT_STACKED'],
    ['that the internet sees elsewhere', { spoken: [{ protocol: 'upnp', externalAddress: '20.0.0.9' }] }, 'NAT_STACKED'],
    ['that stalls', { stalls: true }, 'GATEWAY_STALLS'],
    ['that refuses', { failures: [{ protocol: 'pcp', code: 'MAPPING_REFUSED', message: 'It refused.' }] }, 'MAPPING_REFUSED'],
  ])('%s', (_, answer, code) => {
    expect(gatewayFinding(said(answer), ['20.0.0.5']).code).toBe(code);
  });

  test('that is not there is no problem of its own', () => {
    expect(gatewayFinding(undefined, []).state).toBe('unchecked');
    expect(internetFinding({ gateways: [], publicAddresses: [] }).code).toBe('INTERNET_MISSING');
  });
});

describe('the clock', () => {
  const peers = (...aheadMs: readonly number[]) => ({
    clocks: aheadMs.map((ahead, index) => ({ address: `200::${index}`, aheadMs: ahead })),
  });

  test.each([
    ['within a minute of its peers', peers(900, -59_000), 'ok'],
    ['an hour behind the only peer', peers(3_600_000), 'problem'],
    ['an hour ahead of most', peers(-3_600_000, -3_600_000, 0), 'problem'],
    ['right, where one of three peers is wrong', peers(0, 10, 3_600_000), 'ok'],
    ['with nobody to compare', peers(), 'unchecked'],
    ['without an agent', undefined, 'unchecked'],
  ] as const)('%s', (_, agent, state) => {
    expect(clockFinding(agent).state).toBe(state);
  });

  test('and one peer differ: it is not said that this one is wrong', () => {
    expect(clockFinding(peers(3_600_000)).message).toBe(
      'This machine’s clock is 3600 s behind that of 200::0: one of the two is wrong.',
    );
  });
});

describe('the coordinator of routes', () => {
  const key = '1'.repeat(64);
  const uri = `coordinator:${key}:${'f'.repeat(64)}@routes.test:4705`;
  const settings = (routes: object) => configSchema.parse({ relay: { routes } }).relay;
  const asked = settings({ mode: 'super', coordinator: uri });
  const agent = (frozenSince: string | null, routerKey = key) => ({
    clocks: [],
    routerKey,
    routes: { coordinator: 'routes.test:4705', frozenSince, why: 'It is away.' },
  });

  test.each([
    ['that is not wanted', settings({}), undefined, 'ok', null],
    ['that no agent asks at present', asked, undefined, 'unchecked', null],
    ['that answers', asked, agent(null), 'ok', null],
    ['that is away', asked, agent('2030-01-01T00:00:00.000Z'), 'problem', 'COORDINATOR_UNREACHABLE'],
    ['whose invite is for another router', asked, agent(null, '2'.repeat(64)), 'problem', 'COORDINATOR_KEY_WRONG'],
  ])('%s', (_what, relay, view, state, code) => {
    expect(routesFinding(relay, view)).toMatchObject({ state, code });
  });
});

describe('the router', () => {
  test('that may not be asked is there', () => {
    const [router, socket] = routerFindings({ failure: new AdminError('ADMIN_FORBIDDEN', 'Not yours.') });
    expect([router?.state, socket?.state, socket?.code]).toEqual(['unchecked', 'problem', 'ADMIN_FORBIDDEN']);
  });

  test('that is too old has a socket that is fine', () => {
    const [router, socket] = routerFindings({ failure: new AdminError('ROUTER_TOO_OLD', 'Old.') });
    expect([router?.code, socket?.state]).toEqual(['ROUTER_TOO_OLD', 'ok']);
    expect(router?.help).toBe(errorCatalogue.ROUTER_TOO_OLD.help);
  });
});

describe('a strategy', () => {
  const verdict = (name: string, stun: StunAnswers) => strategyVerdicts([{ name, usable: 'unknown' }], stun)[0]?.usable;

  test.each([
    ['tcp-hole-punching', answers(nothing, ['20.0.0.5']), 'yes'],
    ['tcp-hole-punching', answers(nothing, []), 'unknown'],
    ['udp-hole-punching', answers(nothing, ['20.0.0.5']), 'no'],
    ['udp-hole-punching', answers(nat({}), []), 'yes'],
    ['udp-hole-punching', answers(nothing, []), 'unknown'],
    ['somebody-elses', answers(nothing, ['20.0.0.5']), 'unknown'],
  ] as const)('%s is judged by what STUN showed', (name, stun, usable) => {
    expect(verdict(name, stun)).toBe(usable);
  });

  test('keeps what it says of itself', () => {
    const [own] = strategyVerdicts(
      [{ name: 'tcp-hole-punching', usable: 'no', reason: 'Broken.', help: 'Mend it.' }],
      answers(nat({}), ['1.2.3.4']),
    );
    expect(own).toMatchObject({ usable: 'no', message: 'Broken.', help: 'Mend it.' });
  });
});
