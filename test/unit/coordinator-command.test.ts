import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { printCoordinatorInvite, runCoordinator } from '../../src/cli/run-coordinator.js';
import { systemClock as clock } from '../../src/core/clock.js';
import { parseCoordinatorUri } from '../../src/core/config/coordinator-uri.js';
import { systemFiles as files } from '../../src/core/files.js';
import { systemRandom as random } from '../../src/core/random.js';
import { sealAsClient } from '../../src/core/sealing.js';
import { createSystemNet } from '../../src/native/system-net.js';
import { coordinatorKey } from '../../src/relay/coordinator/invite.js';
import { runCommand } from './run-command.js';

const net = createSystemNet();
const key = '1'.repeat(64);
const source = { env: {}, uid: 1000, stdin: process.stdin };
let stateDir: string;
beforeEach(async () => {
  stateDir = await mkdtemp(path.join(tmpdir(), 'ratatoskr-coordinator-'));
});
afterEach(() => rm(stateDir, { recursive: true }));

async function invite(advertise = [{ host: 'routes.test', port: 4705 }]) {
  let printed = '';
  const out = (text: string) => {
    printed += text;
  };
  await printCoordinatorInvite(
    key,
    { stateDir, advertise },
    { net: { ...net, interfaces: () => [] }, random, files, out, source },
  );
  return parseCoordinatorUri(printed.trim());
}

test('the running coordinator serves who has an invite, tells how it does, and ends at SIGTERM', async () => {
  const host = new EventEmitter();
  const said = new EventEmitter();
  const listen = [{ address: '127.0.0.1', port: 0 }];
  const surroundings = { net, clock, random, files, source, host, out: (text: string) => said.emit('line', JSON.parse(text)) };
  const ended = runCoordinator({ stateDir, listen, logFormat: 'json' }, surroundings);
  const [{ places }] = await Promise.race([once(said, 'line'), ended.then(() => [])]);
  const [address = '', port] = String(places[0]).split(':');
  const uri = await invite();
  if (!uri) throw new Error('no invite');
  const plain = await net.connectTcp({ remote: { address, port: Number(port) }, timeoutMs: 1000 });
  const welcomed = once(said, 'line');
  const sealed = await sealAsClient(plain, coordinatorKey(uri), { clock, signal: new AbortController().signal });
  expect(await welcomed).toMatchObject([{ event: 'coordinator.agent-connected', owner: expect.stringContaining('11111111') }]);
  const told: object[] = [];
  said.on('line', (line) => told.push(line));
  host.emit('SIGTERM');
  expect(await ended).toBe(0);
  expect(told).toContainEqual(expect.objectContaining({ event: 'coordinator.status', connected: 1, agents: 0 }));
  sealed.destroy();
});

test('an invite needs a place that the internet can reach', async () => {
  await expect(invite([])).rejects.toMatchObject({ code: 'RELAY_PLACE_MISSING' });
});

test('options behind invite are its own', async () => {
  const asked: unknown[] = [];
  const args = ['coordinator', 'invite', key.toUpperCase(), '--state-dir', '/state', '--advertise', 'routes.test:1', '-c', '-'];
  const coordinatorInvite = async (...values: unknown[]) => void asked.push(...values);
  expect(await runCommand(args, { coordinatorInvite })).toMatchObject({ code: 0 });
  expect(asked).toEqual([key, { stateDir: '/state', advertise: [{ host: 'routes.test', port: 1 }], config: '-' }]);
});

test('a key is 64 hex digits', async () => {
  const { code, err } = await runCommand(['coordinator', 'invite', 'alice']);
  expect(code).toBe(2);
  expect(err).toContain('64 hex digits');
});
