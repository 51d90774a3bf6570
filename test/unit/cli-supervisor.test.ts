import { EventEmitter } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { type SupervisedAgent, supervise } from '../../src/cli/supervisor.js';
import type { Clock } from '../../src/core/clock.js';
import { type Config, defaultConfig } from '../../src/core/config.js';
import { AgentError, ConfigError } from '../../src/core/errors.js';
import { type AgentEvent, onEvent } from '../../src/core/events.js';

/** A clock that stands still until told otherwise. */
class StoppedClock implements Clock {
  private readonly timers = new Map<object, { delayMs: number; callback: () => void }>();
  now = () => 0;
  wallTime = () => 0;
  setTimer(delayMs: number, callback: () => void) {
    const timer = { cancel: () => void this.timers.delete(timer) };
    this.timers.set(timer, { delayMs, callback });
    return timer;
  }
  /** Fires what is due and returns how much that was. */
  pass(ms: number): number {
    const due = [...this.timers].filter(([, { delayMs }]) => delayMs <= ms);
    for (const [timer, { callback }] of due) {
      this.timers.delete(timer);
      callback();
    }
    return due.length;
  }
  get pending(): number {
    return this.timers.size;
  }
}

class FakeAgent implements SupervisedAgent {
  readonly calls: string[] = [];
  readonly configs: Config[] = [];
  onCall: (call: string) => void = () => {};
  start = async () => this.called('start');
  stop = async () => this.called('stop');
  reconfigure = async (config: Config) => {
    this.configs.push(config);
    this.called('reconfigure');
  };
  private called(call: string): void {
    this.calls.push(call);
    this.onCall(call);
  }
}

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function setUp(agent: FakeAgent = new FakeAgent(), reread: () => Promise<Config> = async () => defaultConfig()) {
  const logged: Extract<AgentEvent, { event: 'log' }>[] = [];
  const waiting = new Map<string, () => void>();
  cleanups.push(
    onEvent((event) => {
      if (event.event !== 'log') return;
      logged.push(event);
      waiting.get(event.name)?.();
    }),
  );
  const host = new EventEmitter();
  const clock = new StoppedClock();
  const called = (call: string) =>
    new Promise<void>((resolve) => {
      agent.onCall = (made) => made === call && resolve();
    });
  const logs = (name: string) => new Promise<void>((resolve) => waiting.set(name, resolve));
  const exit = supervise({ agent, host, clock, reread });
  return { agent, host, clock, exit, logged, called, logs };
}

describe('a signal to end', () => {
  test.each(['SIGTERM', 'SIGINT'])('%s stops the agent, with exit code 0 and nothing left on the host', async (signal) => {
    const { agent, host, clock, exit } = setUp();
    host.emit(signal);
    expect(await exit).toBe(0);
    expect(agent.calls).toEqual(['start', 'stop']);
    expect(host.eventNames()).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test('during a start that takes long stops the agent all the same', async () => {
    const agent = new FakeAgent();
    agent.start = () => new Promise(() => {});
    const { host, exit } = setUp(agent);
    host.emit('SIGTERM');
    expect(await exit).toBe(0);
  });

  test('an agent that does not stop in 8 s is given up with exit code 1', async () => {
    const agent = new FakeAgent();
    const { host, clock, exit, logged } = setUp(agent);
    const stopping = new Promise<void>((resolve) => {
      agent.stop = () => {
        resolve();
        return new Promise(() => {});
      };
    });
    host.emit('SIGTERM');
    await stopping;
    expect(clock.pass(7_999)).toBe(0);
    clock.pass(8_000);
    expect(await exit).toBe(1);
    expect(logged.map(({ name }) => name)).toEqual(['agent.stop-overdue']);
  });

  test('a second signal ends the wait at once with exit code 1', async () => {
    const agent = new FakeAgent();
    agent.stop = () => new Promise(() => {});
    const { host, exit } = setUp(agent);
    host.emit('SIGINT');
    host.emit('SIGINT');
    expect(await exit).toBe(1);
  });

  test('a stop that fails is logged, with exit code 1', async () => {
    const agent = new FakeAgent();
    agent.stop = () => Promise.reject(new Error('no'));
    const { host, exit, logged } = setUp(agent);
    host.emit('SIGTERM');
    expect(await exit).toBe(1);
    expect(logged).toMatchObject([{ name: 'agent.stop-failed', level: 'error' }]);
  });
});

describe('a start that fails', () => {
  test.each([
    [new AgentError('ALREADY_RUNNING', 'there is one'), 4],
    [new ConfigError('CONFIG_INVALID', 'no such strategy'), 3],
    [new Error('no'), 1],
  ])('with %s ends with exit code %i, stopped in order', async (error, code) => {
    const agent = new FakeAgent();
    agent.start = () => Promise.reject(error);
    const { exit, logged } = setUp(agent);
    expect(await exit).toBe(code);
    expect(agent.calls).toEqual(['stop']);
    expect(logged).toMatchObject([{ name: 'agent.start-failed', fields: { message: error.message } }]);
  });
});

describe('SIGHUP', () => {
  test('hands the configuration as it now is to the agent, which goes on', async () => {
    const config = { ...defaultConfig(), stun: ['new:1'] };
    const { agent, host, exit, called } = setUp(new FakeAgent(), async () => config);
    const reconfigured = called('reconfigure');
    host.emit('SIGHUP');
    await reconfigured;
    expect(agent.configs).toEqual([config]);
    host.emit('SIGTERM');
    expect(await exit).toBe(0);
  });

  test('with a bad file is reported, and the old configuration stays', async () => {
    const reread = () => Promise.reject(new ConfigError('CONFIG_INVALID', 'line 3 is wrong'));
    const { agent, host, exit, logged, logs } = setUp(new FakeAgent(), reread);
    const reported = logs('config.reload-failed');
    host.emit('SIGHUP');
    await reported;
    expect(logged).toMatchObject([{ level: 'error', fields: { code: 'CONFIG_INVALID', message: 'line 3 is wrong' } }]);
    expect(agent.configs).toEqual([]);
    host.emit('SIGTERM');
    expect(await exit).toBe(0);
  });
});

test.each(['uncaughtException', 'unhandledRejection'])(
  'an %s is logged and stops the agent in order with exit code 1',
  async (name) => {
    const { agent, host, exit, logged } = setUp();
    host.emit(name, new TypeError('oops'));
    expect(await exit).toBe(1);
    expect(agent.calls).toEqual(['start', 'stop']);
    expect(logged).toMatchObject([{ name: 'process.unexpected', fields: { code: 'TypeError', message: 'oops' } }]);
  },
);
