import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { createAgent } from '../../src/agent.js';
import { parseConfig } from '../../src/core/config.js';
import { type AgentEvent, onEvent } from '../../src/core/events.js';
import { addressOf } from '../../src/core/overlay-address.js';

const configFolder = fileURLToPath(new URL('../fixtures/plugins', import.meta.url));
const config = (...strategies: string[]) =>
  parseConfig(JSON.stringify({ strategies, stun: [], stateDir: '/nowhere' }), 'test.conf');

const key = 'ee'.repeat(32);
const discovering = (...discovery: unknown[]) =>
  parseConfig(JSON.stringify({ discovery, stun: [], stateDir: '/nowhere' }), 'test.conf');

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

  it('goes on without a discovery source that is broken, and says so', async () => {
    const events = listen();
    await createAgent(discovering('sessions', './sound.mjs'), { configFolder });
    expect(events).toMatchObject([
      {
        event: 'plugin.failed',
        plugin: './sound.mjs',
        code: 'PLUGIN_INVALID',
        message: expect.stringContaining('defineDiscovery()'),
      },
    ]);
  });

  it.each([
    ['sesions', 'DISCOVERY_UNKNOWN', /did you mean sessions/],
    ['ratatoskr-strategy-nat-upnp', 'DISCOVERY_UNKNOWN', /no discovery source/],
    ['static', 'DISCOVERY_OPTIONS_INVALID', /static .*peers/],
    [{ use: 'static', options: { peers: ['ee'] } }, 'DISCOVERY_OPTIONS_INVALID', /peers.0.key: must be a public key/],
    [
      { use: 'static', options: { peers: [{ key, address: '200::1' }] } },
      'DISCOVERY_OPTIONS_INVALID',
      /peers.0.address: must be the overlay address of the key/,
    ],
  ])('is not made for the discovery source %j', async (use, code, message) => {
    const making = createAgent(discovering(use), { configFolder });
    await expect(making).rejects.toMatchObject({ name: 'ConfigError', code, message: expect.stringMatching(message) });
  });

  it('takes static peers by key, and by key and overlay address', async () => {
    const peers = [key.toUpperCase(), { key, address: addressOf(key) }];
    await expect(createAgent(discovering({ use: 'static', options: { peers } }), { configFolder })).resolves.toBeDefined();
  });
});
