/**
 * What watching costs: a whole agent polls a stand-in for the admin socket, a process of its own, that shows many sessions. The CPU
 * time is the agent's process's. Run: npx tsx bench/poll.ts [sessions]
 */
import 'reflect-metadata';
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createAgent } from '../src/agent.js';
import { parseConfig } from '../src/core/config.js';
import { addressOf } from '../src/core/overlay-address.js';

const polls = 30;
/** Until the first sight of the sessions is over, in milliseconds. */
const warmUpMs = 5000;
const [sessions = '10000', standInAt] = process.argv.slice(2);

if (standInAt === undefined) await measure();
else standIn(standInAt);

async function measure(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'ratatoskr-bench-'));
  const socket = join(folder, 'admin.sock');
  const router = fork(fileURLToPath(import.meta.url), [sessions, socket], { execArgv: process.execArgv });
  await once(router, 'message');
  const rows: { allowed: string; cpuMs: number }[] = [];
  for (const [allowed, allow] of [
    ['everyone', ''],
    ['one peer', 'allow: ["200:1234::1"]'],
  ] as const) {
    const text = `{\n admin: "unix://${socket}"\n stun: []\n stateDir: "${folder}"\n runtimeDir: "${folder}"\n ${allow}\n}`;
    const agent = await createAgent(parseConfig(text, 'bench'));
    await agent.start();
    await delay(warmUpMs);
    const before = cpuMs();
    await delay(polls * 1000);
    rows.push({ allowed, cpuMs: (cpuMs() - before) / polls });
    await agent.stop();
  }
  router.kill();
  rmSync(folder, { recursive: true });
  console.log(`sessions  allowed   CPU ms a poll (mean of ${polls})`);
  for (const row of rows) console.log(`${sessions.padEnd(8)}  ${row.allowed}  ${row.cpuMs.toFixed(1)}`);
  console.log(JSON.stringify({ bench: 'poll', node: process.version, sessions: Number(sessions), polls, rows }));
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Answers as yggdrasil does; the sessions' counters stand still. */
function standIn(socket: string): void {
  const makeEntry = () => {
    const key = randomBytes(32).toString('hex');
    return { address: addressOf(key), key, bytes_recvd: 123_456_789, bytes_sent: 987_654_321, uptime: 3600.5 };
  };
  const { key, address } = makeEntry();
  const answers: Record<string, unknown> = {
    getSelf: { build_name: 'yggdrasil', build_version: '0.5.14', key, address, subnet: '300::/64', routing_entries: 1 },
    getPeers: { peers: [] },
    getSessions: { sessions: Array.from({ length: Number(sessions) }, makeEntry) },
  };
  const server = net.createServer((connection) => {
    connection.on('error', () => {});
    connection.on('data', (data) => {
      const { request } = JSON.parse(String(data)) as { request: string };
      connection.write(`${JSON.stringify({ status: 'success', request: {}, response: answers[request] ?? {} }, null, 2)}\n`);
    });
  });
  server.listen(socket, () => process.send?.('listening'));
}
