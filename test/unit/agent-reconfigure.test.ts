import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createAgent } from '../../src/agent.js';
import { parseConfig } from '../../src/core/config.js';
import { type AgentEvent, onEvent } from '../../src/core/events.js';

it('does not count a router that a new configuration names as taken before the next start', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ratatoskr-reconfigure-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const config = (changes: object) => {
    const alone = { strategies: ['tcp-hole-punching'], stun: [], stunResponder: { enabled: false } };
    const folders = { stateDir: path.join(folder, 'state'), runtimeDir: path.join(folder, 'run') };
    return parseConfig(JSON.stringify({ ...alone, ...folders, ...changes }), 'test.conf');
  };
  const events: AgentEvent[] = [];
  onTestFinished(onEvent((event) => events.push(event)));
  const agent = await createAgent(config({ admin: `unix://${folder}/one.sock` }));
  onTestFinished(() => agent.stop());
  await agent.start();
  await agent.reconfigure(config({ admin: `unix://${folder}/other.sock`, deny: ['200::/8'] }));
  expect(events.findLast(({ event }) => event === 'agent.reconfigured')).toMatchObject({ changed: ['deny'] });
});
