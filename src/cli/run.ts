import { createAgent } from '../agent.js';
import { systemClock } from '../core/clock.js';
import type { Config, ConfigOverride } from '../core/config.js';
import { ConfigReader } from './config-source.js';
import { EventLog } from './event-log.js';
import { supervise } from './supervisor.js';

/** `ratatoskr run` until the agent ends. @returns the exit code @throws ConfigError */
export async function run(file: string | undefined, overrides: readonly ConfigOverride[]): Promise<number> {
  const reader = new ConfigReader({ file, overrides, env: process.env, uid: process.getuid?.(), stdin: process.stdin });
  const { config } = await reader.read();
  const log = new EventLog(config.log, process.stdout);
  try {
    const reread = async (): Promise<Config> => {
      const next = (await reader.read()).config;
      log.reconfigure(next.log);
      return next;
    };
    return await supervise({ agent: createAgent(config), host: process, clock: systemClock, reread });
  } finally {
    log.close();
  }
}
