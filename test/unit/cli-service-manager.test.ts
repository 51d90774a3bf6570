import { expect, test } from 'vitest';
import { ServiceManager, type ServiceManagerOptions } from '../../src/cli/service-manager.js';
import type { AgentError } from '../../src/core/errors.js';
import { FakeClock } from './fake-clock.js';

const env = { NOTIFY_SOCKET: '/run/notify', WATCHDOG_USEC: '30000000' };

function managed(options: Partial<ServiceManagerOptions> = {}) {
  const clock = new FakeClock();
  const told: string[] = [];
  const errors: AgentError[] = [];
  const send = ({ state }: { state: string }) => void told.push(state);
  const manager = new ServiceManager({ env, pid: 7, clock, send, failed: (error) => void errors.push(error), ...options });
  return { manager, clock, told, errors };
}

test('the watchdog hears twice within its time, from ready until close', async () => {
  const { manager, clock, told } = managed();
  await clock.advance(60_000);
  expect(told).toEqual([]);
  manager.ready();
  await clock.advance(30_000);
  expect(told).toEqual(['READY=1', 'WATCHDOG=1', 'WATCHDOG=1']);
  manager.stopping();
  manager.close();
  await clock.advance(30_000);
  expect(told.slice(3)).toEqual(['STOPPING=1']);
});

test('the watchdog of another process is not ours', async () => {
  const { manager, clock, told } = managed({ env: { ...env, WATCHDOG_PID: '8' } });
  manager.ready();
  await clock.advance(60_000);
  expect(told).toEqual(['READY=1']);
});

test('without a service manager nothing is said, and nothing is missed', () => {
  const { manager, told, errors } = managed({ env: {}, send: undefined });
  manager.ready();
  manager.stopping();
  expect([told, errors]).toEqual([[], []]);
});

test('a manager that cannot be told is reported once', () => {
  const { manager, errors } = managed({ send: undefined });
  manager.ready();
  manager.stopping();
  expect(errors.map(({ code }) => code)).toEqual(['SERVICE_MANAGER_UNTOLD']);
});
