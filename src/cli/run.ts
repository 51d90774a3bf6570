import { setFlagsFromString } from 'node:v8';
import { createAgent } from '../agent.js';
import { systemClock } from '../core/clock.js';
import type { ConfigOverride } from '../core/config.js';
import { describeError } from '../core/errors.js';
import { EventSource } from '../core/events.js';
import { loadAddon } from '../native/addon.js';
import { ConfigReader } from './config-source.js';
import { EventLog } from './event-log.js';
import { trimHeap } from './heap-trim.js';
import { ServiceManager } from './service-manager.js';
import { supervise } from './supervisor.js';

/**
 * By how much the heap may outgrow what was found alive in it before V8 looks again. By itself that is up to threefold, and what many
 * bridges at once have left would stay with a process that never rests.
 */
const heapGrowth = '--heap-growing-percent=60';

/** `ratatoskr run` until the agent ends. @returns the exit code @throws ConfigError */
export async function run(file: string | undefined, overrides: readonly ConfigOverride[]): Promise<number> {
  setFlagsFromString(heapGrowth);
  const reader = new ConfigReader({ file, overrides, env: process.env, uid: process.getuid?.(), stdin: process.stdin });
  const { config, folder } = await reader.read();
  const log = new EventLog(config.log, process.stdout);
  const events = new EventSource('cli', () => systemClock.wallTime());
  const { addon } = loadAddon();
  const trimming = trimHeap(systemClock, addon?.trimMemory);
  const manager = new ServiceManager({
    env: process.env,
    pid: process.pid,
    clock: systemClock,
    send: addon?.notify,
    failed: (error) =>
      events.publish('log', { level: 'warn', name: 'service-manager.untold', fields: { ...describeError(error) } }),
  });
  try {
    const agent = await createAgent(config, { configFolder: folder });
    return await supervise({
      agent: {
        start: async () => {
          await agent.start();
          manager.ready();
        },
        stop: () => {
          manager.stopping();
          return agent.stop();
        },
        reconfigure: async (next) => {
          await agent.reconfigure(next);
          log.reconfigure(next.log);
        },
      },
      host: process,
      clock: systemClock,
      reread: async () => (await reader.read()).config,
    });
  } finally {
    trimming.cancel();
    manager.close();
    log.close();
    // All is closed; Node would wait for names that silent name servers are asked for.
    process.once('exit', (code) => addon?.exitNow(code));
  }
}
