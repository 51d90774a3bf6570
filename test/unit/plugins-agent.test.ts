import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { createAgent } from '../../src/agent.js';
import { parseConfig } from '../../src/core/config.js';
import { type AgentEvent, onEvent } from '../../src/core/events.js';

const configFolder = fileURLToPath(new URL('../fixtures/plugins', import.meta.url));
const config = (...strategies: string[]) =>
  parseConfig(JSON.stringify({ strategies, stun: [], stateDir: '/nowhere' }), 'test.conf');

let unsubscribe = () => {};
afterEach(() => unsubscribe());
function listen(): AgentEvent[] {
  const events: AgentEvent[] = [];
  unsubscribe = onEvent((event) => events.push(event));
  return events;
}

describe('an agent', () => {
  it('goes on without a plugin that is broken, and says which is and which is not', async () => {
    const events = listen();
    await createAgent(config('./throws-in-create.mjs', './sound.mjs'), { configFolder });
    expect(events).toMatchObject([
      { event: 'plugin.failed', plugin: './throws-in-create.mjs', code: 'PLUGIN_CREATE_FAILED', help: expect.any(String) },
      { event: 'plugin.loaded', plugin: './sound.mjs', strategy: 'sound', file: expect.stringContaining('sound.mjs') },
    ]);
  });

  it('is not made when no strategy is left, and the reasons are told', async () => {
    const making = createAgent(config('./throws-at-load.mjs', './no-create.mjs'), { configFolder });
    await expect(making).rejects.toMatchObject({
      name: 'ConfigError',
      code: 'STRATEGIES_UNUSABLE',
      message: expect.stringMatching(/throws-at-load.*\(PLUGIN_LOAD_FAILED\)\n.*no-create.*\(PLUGIN_INVALID\)/),
    });
  });

  it('finds a package that its own folder has', async () => {
    const events = listen();
    await createAgent(config('ratatoskr-strategy-nat-upnp'), { configFolder: '/nowhere' });
    expect(events).toMatchObject([{ event: 'plugin.loaded', strategy: 'nat-upnp', version: expect.any(String) }]);
  });
});
