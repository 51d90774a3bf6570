import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { StrategyError } from '../../src/core/errors.js';
import { systemRandom } from '../../src/core/random.js';
import type { Path, Role, Strategy, StrategyServices } from '../../src/core/strategy.js';
import { mappedPortStrategy } from '../../src/strategies/port-mapping/mapped-port-strategy.js';
import { scratchFolder } from './admin-fake.js';
import { type Attempts, attemptAtBothEnds } from './attempts.js';
import { FakeGateway } from './fake-gateway.js';
import { LoopbackInternet } from './loopback-internet.js';

let internet: LoopbackInternet;
let strategies: Strategy[];
let paths: Path[];
let attempts: Attempts | undefined;
beforeEach(() => {
  internet = new LoopbackInternet();
  strategies = [];
  paths = [];
});
afterEach(async () => {
  attempts?.abort.abort(new Error('the test is over'));
  for (const path of paths) path.destroy();
  await Promise.all(strategies.map((strategy) => strategy.close?.()));
  await internet.close();
});

interface Side {
  /** Address of its only interface. */
  readonly address: string;
  /** What maps ports for it, if anything does. */
  readonly gateway?: FakeGateway;
  readonly seal?: boolean;
}

async function strategyAt({ address, gateway, seal = false }: Side): Promise<Strategy> {
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const services: StrategyServices = {
    net: internet.host(address),
    clock: systemClock,
    random: systemRandom,
    log,
    addresses: { stunServers: [] },
    stateDir: await scratchFolder(),
  };
  const definition = mappedPortStrategy({
    name: 'port-mapping',
    protocols: () => (gateway ? [gateway] : []),
    findGateway: async (family) => {
      if (!gateway || family === 6) throw new StrategyError('GATEWAY_MISSING', 'There is no gateway.');
      return { family, address: '192.168.1.1', interface: 'eth0', own: address };
    },
  });
  const strategy = definition.create({ lifetime: 3600, seal }, services);
  strategies.push(strategy);
  return strategy;
}

async function attempt(sides: Readonly<Record<Role, Side>>): Promise<Attempts['run']> {
  attempts = attemptAtBothEnds({
    controlling: await strategyAt(sides.controlling),
    controlled: await strategyAt(sides.controlled),
  });
  for (const run of Object.values(attempts.run)) {
    run.then(
      (path) => paths.push(path),
      () => {},
    );
  }
  return attempts.run;
}

/** A gateway whose external ports lead to the same port behind it. */
function gatewayAt(address: string): FakeGateway {
  internet.host(address);
  const gateway = new FakeGateway('test', systemClock);
  gateway.address = address;
  return gateway;
}

const hidden = '192.168.1.2';

describe('port mapping', () => {
  it('needs no mapping where an end is public', async () => {
    const run = await attempt({ controlling: { address: '20.0.1.2' }, controlled: { address: hidden } });
    const [near, far] = await Promise.all([run.controlling, run.controlled]);
    expect(near.info.kind).toBe('direct');
    near.write('squirrel');
    expect(String((await once(far, 'data'))[0])).toBe('squirrel');
  });

  it('goes through the mapping of either end, and gives it back with the path', async () => {
    const gateway = gatewayAt('20.0.2.1');
    const run = await attempt({ controlling: { address: '192.168.9.9' }, controlled: { address: hidden, gateway } });
    const both = await Promise.all([run.controlling, run.controlled]);
    expect(gateway.mappings.size).toBe(1);
    const released = gateway.forgotten();
    for (const path of both) path.destroy();
    await released;
    expect(gateway.mappings.size).toBe(0);
  });

  it('tells the reasons of both ends when neither can be reached', async () => {
    const run = await attempt({ controlling: { address: '192.168.9.9' }, controlled: { address: hidden } });
    for (const outcome of [run.controlling, run.controlled]) {
      await expect(outcome).rejects.toMatchObject({
        code: 'NO_MAPPING',
        message: expect.stringMatching(/Here: There is no gateway.*At the peer: There is no gateway/),
      });
    }
  });

  it('gives a mapping back when the attempt is called off', async () => {
    const gateway = gatewayAt('20.0.2.1');
    const mapped = new Promise<void>((resolve) => {
      gateway.onMap = async () => resolve();
    });
    // The peer cannot reach the gateway: its address is on no host.
    gateway.address = '20.0.99.99';
    const run = await attempt({ controlling: { address: '192.168.9.9' }, controlled: { address: hidden, gateway } });
    await mapped;
    attempts?.abort.abort(new StrategyError('ATTEMPT_ABORTED', 'Another won.'));
    await expect(run.controlled).rejects.toMatchObject({ code: 'ATTEMPT_ABORTED' });
    await strategies[1]?.close?.();
    expect(gateway.mappings.size).toBe(0);
  });

  it.each([
    [false, false, false],
    [true, false, true],
    [false, true, true],
  ])('where the ends ask for sealing with %s and %s, what passes between them is sealed: %s', async (one, other, sealed) => {
    const run = await attempt({
      controlling: { address: '20.0.1.2', seal: one },
      controlled: { address: hidden, seal: other },
    });
    const [near, far] = await Promise.all([run.controlling, run.controlled]);
    near.write('a squirrel in the branches');
    expect(String((await once(far, 'data'))[0])).toBe('a squirrel in the branches');
    expect(Buffer.concat(internet.wire).includes('squirrel')).toBe(!sealed);
  });
});
