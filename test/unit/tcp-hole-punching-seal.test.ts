import { once } from 'node:events';
import { afterEach, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { systemRandom } from '../../src/core/random.js';
import type { Strategy } from '../../src/core/strategy.js';
import { tcpHolePunching } from '../../src/strategies/tcp-hole-punching/index.js';
import { attemptAtBothEnds } from './attempts.js';
import { LoopbackInternet } from './loopback-internet.js';

const internet = new LoopbackInternet();
afterEach(() => internet.close());

function strategyAt(address: string, seal: boolean): Strategy {
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const addresses = { stunServers: [] };
  const services = { net: internet.host(address), clock: systemClock, random: systemRandom, log, addresses, stateDir: '' };
  return tcpHolePunching.create({ seal }, services);
}

it.each([
  [false, false, false],
  [true, false, true],
  [false, true, true],
])('where the ends ask for sealing with %s and %s, what passes between them is sealed: %s', async (one, other, sealed) => {
  internet.wire.length = 0;
  const { run } = attemptAtBothEnds({
    controlling: strategyAt('20.0.1.2', one),
    controlled: strategyAt('20.0.2.2', other),
  });
  const [near, far] = await Promise.all([run.controlling, run.controlled]);
  near.write('a squirrel in the branches');
  expect(String((await once(far, 'data'))[0])).toBe('a squirrel in the branches');
  expect(Buffer.concat(internet.wire).includes('squirrel')).toBe(!sealed);
  near.destroy();
  far.destroy();
});
