/**
 * Many peers in one process: whole agents, each with a stand-in for its router, that have a session with one node and no other.
 * node --import tsx peers-process.ts FOLDER COMMAND_SOCKET KEY_OF_THE_NODE
 */
import 'reflect-metadata';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Agent, createAgent } from '../../src/agent.js';
import { configSchema } from '../../src/core/config/schema.js';
import { loadAddon } from '../../src/native/addon.js';
import { createSystemNet } from '../../src/native/system-net.js';
import { serveCommands } from './commands.js';
import { StandInRouter } from './stand-in-router.js';

/** Whichever of them are there is done, in this order. */
export interface PeersCommand {
  /** End these agents. */
  readonly stop?: readonly string[];
  /** Start these. */
  readonly start?: readonly string[];
}

const [folder = '', commands = '', node = ''] = process.argv.slice(2);
const net = createSystemNet(loadAddon());
const running = new Map<string, Promise<Agent>>();

await serveCommands<PeersCommand>(commands, async ({ stop = [], start = [] }) => {
  await Promise.all(stop.map(end));
  await Promise.all(start.map((key) => begin(key)));
});

function begin(key: string): Promise<Agent> {
  const agent = running.get(key) ?? startAgent(key);
  running.set(key, agent);
  return agent;
}

async function end(key: string): Promise<void> {
  const agent = await running.get(key);
  running.delete(key);
  await agent?.stop();
}

const routers = new Set<string>();

async function startAgent(key: string): Promise<Agent> {
  const own = join(folder, key.slice(0, 16));
  const admin = join(own, 'admin.sock');
  if (!routers.has(key)) {
    routers.add(key);
    mkdirSync(own, { recursive: true, mode: 0o700 });
    (await StandInRouter.start(net, admin, key)).meet([node]);
  }
  const config = configSchema.parse({
    admin: `unix://${admin}`,
    stateDir: own,
    runtimeDir: own,
    stun: [],
    strategies: ['tcp-hole-punching'],
    sessions: { pollInterval: '5s', idleTimeout: '1d' },
    stunResponder: { enabled: false },
    control: { enabled: false },
    bridge: { evenIfSlower: true },
  });
  const agent = await createAgent(config, { name: key });
  await agent.start();
  return agent;
}
