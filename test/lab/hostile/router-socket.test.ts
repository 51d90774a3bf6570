import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/core/clock.js';
import type { Router } from '../../../src/core/router.js';
import { openRouterSocket } from '../../../src/core/router-socket.js';
import { loadAddon } from '../../../src/native/addon.js';
import { createSystemNet } from '../../../src/native/system-net.js';

const net = createSystemNet(loadAddon());
const id = 'ab'.repeat(16);
const intruder = `
  const socket = require('node:net').connect(process.argv[1]);
  socket.on('connect', () => console.log('connected'));
  socket.on('data', (data) => console.log('heard ' + data));
  socket.on('error', () => {});
  socket.on('close', () => console.log('closed'));
`;

it('another process that connects to a bridge’s socket before the router is turned away, and the router is not', async () => {
  expect(net.capabilities.peerCredentials).toBe(true);
  const runtimeDir = await mkdtemp(join(tmpdir(), 'ratatoskr-intruder-'));
  onTestFinished(() => rm(runtimeDir, { recursive: true, force: true }));
  const file = join(runtimeDir, `${id}.sock`);
  let fate = '';
  // This process plays the router; the intruder has come and gone before it dials.
  const router: Pick<Router, 'process' | 'addPeer'> = {
    process: { pid: process.pid, uid: process.getuid?.() ?? 0 },
    async addPeer() {
      fate = await visit(file);
      const dialled = await net.connectUnix(file, { timeoutMs: 1000 });
      dialled.write('the router');
      onTestFinished(() => void dialled.destroy());
    },
  };
  const { stream } = await openRouterSocket({
    net,
    clock: systemClock,
    router: router as Router,
    runtimeDir,
    kind: 'unix',
    priority: 128,
    id,
    peerKey: '11'.repeat(32),
    secret: new Uint8Array(32),
    signal: new AbortController().signal,
  });
  onTestFinished(() => void stream.destroy());
  expect(fate).toBe('connected\nclosed\n');
  expect(String((await once(stream, 'data'))[0])).toBe('the router');
  expect(await readdir(runtimeDir)).toEqual([]);
});

/** What another process says of its visit. */
async function visit(file: string): Promise<string> {
  const child: ChildProcess = spawn(process.execPath, ['-e', intruder, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  await once(child, 'close');
  return said;
}
