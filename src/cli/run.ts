import { createAgent } from '../agent.js';
import { systemClock } from '../core/clock.js';
import type { ConfigOverride } from '../core/config.js';
import { ConfigReader } from './config-source.js';
import { EventLog } from './event-log.js';
import { supervise } from './supervisor.js';

/** `ratatoskr run` until the agent ends. @returns the exit code @throws ConfigError */
export async function run(file: string | undefined, overrides: readonly ConfigOverride[]): Promise<number> {
  const reader = new ConfigReader({ file, overrides, env: process.env, uid: process.getuid?.(), stdin: process.stdin });
  const { config, folder } = await reader.read();
  const log = new EventLog(config.log, process.stdout);
  try {
    const agent = await createAgent(config, { configFolder: folder });
    return await supervise({
      agent: {
        start: () => agent.start(),
        stop: () => agent.stop(),
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
    log.close();
  }
}
