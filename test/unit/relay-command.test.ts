import { EventEmitter } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ControlClient } from '../../src/cli/control-client.js';
import type { RelayOptions } from '../../src/cli/relay.js';
import { relayStatusText } from '../../src/cli/relay-status-text.js';
import { printInvite, runRelay } from '../../src/cli/run-relay.js';
import { relayStatusSchema } from '../../src/control/relay-schemas.js';
import { systemClock as clock } from '../../src/core/clock.js';
import { parseRelayUri, type RelayUri } from '../../src/core/config/relay-uri.js';
import { systemFiles as files } from '../../src/core/files.js';
import { systemRandom as random } from '../../src/core/random.js';
import { bindTimed } from '../../src/discovery/stun/tcp-binding.js';
import { relayMetricDefinitions } from '../../src/metrics/definitions.js';
import { createSystemNet } from '../../src/native/system-net.js';
import { RelayClient } from '../../src/relay/client.js';
import { keyOfInvite } from '../../src/relay/invite.js';
import { surveyRelay } from '../../src/strategies/relay/survey.js';
import { runCommand } from './run-command.js';

const net = createSystemNet();
const { signal } = new AbortController();
let stateDir: string;
let clients: RelayClient[];
let ends: (() => Promise<void>)[];
beforeEach(async () => {
  stateDir = await mkdtemp(path.join(tmpdir(), 'ratatoskr-relay-'));
  [clients, ends] = [[], []];
});
afterEach(async () => {
  for (const client of clients) client.close();
  for (const end of ends) await end();
  await rm(stateDir, { recursive: true });
});

const source = { env: {}, uid: 1000, stdin: process.stdin };
const ofLoopback = { ...net, interfaces: () => [] };

/** Runs the command on loopback. */
async function relay(revoke: readonly string[] = [], more: Partial<RelayOptions> = {}) {
  const host = new EventEmitter();
  const said = new EventEmitter();
  const listen = [{ address: '127.0.0.1', port: 0 }];
  const surroundings = { net, clock, random, files, source, host, out: (text: string) => said.emit('line', JSON.parse(text)) };
  const heard = new Map<string, { url?: string }>();
  said.on('line', (line) => heard.set(line.event, line));
  const ended = runRelay(
    { stateDir, runtimeDir: path.join(stateDir, 'run'), listen, revoke, logFormat: 'json', ...more },
    surroundings,
  );
  const end = async () => {
    host.emit('SIGTERM');
    expect(await ended).toBe(0);
  };
  ends.push(() => end().catch(() => {}));
  const ready = new Promise<{ places: unknown[] }>((resolve) =>
    said.on('line', (line) => line.event === 'relay.ready' && resolve(line)),
  );
  const { places } = await Promise.race([ready, ended.then(() => ({ places: [] }))]);
  const [address, port] = String(places[0]).split(':');
  return { endpoint: { address: address ?? '', port: Number(port) }, said, url: heard.get('http.listening')?.url ?? '', end };
}

async function invite(name: string, advertise = [{ host: 'relay.test', port: 4703 }]): Promise<RelayUri[]> {
  let printed = '';
  const out = (text: string) => {
    printed += text;
  };
  await printInvite(name, { stateDir, advertise }, { net: ofLoopback, random, files, out, source });
  return printed
    .trim()
    .split('\n')
    .flatMap((line) => parseRelayUri(line) ?? []);
}

async function freePort(): Promise<number> {
  const listener = await net.listenTcp({ local: { address: '127.0.0.1', port: 0 }, onStream: () => {}, onError: () => {} });
  await listener.close();
  return listener.local?.port ?? 0;
}

function reserve(endpoint: { address: string; port: number }, uri: RelayUri) {
  const client = new RelayClient({ net, clock, random });
  clients.push(client);
  const admission = async () => keyOfInvite(uri);
  return client.reserve(endpoint, admission, () => {}, signal);
}

describe('an invite', () => {
  test('is the same for a name each time, and another for another', async () => {
    const [one, again, other] = await Promise.all(['alice', 'alice', 'bob'].map(async (name) => (await invite(name))[0]));
    expect(one).toMatchObject({ host: 'relay.test', port: 4703, name: 'alice' });
    expect(again).toEqual(one);
    expect(other?.token).not.toBe(one?.token);
  });

  test('names every place where the relay is reached', async () => {
    const uris = await invite('alice', [
      { host: '192.0.2.1', port: 1 },
      { host: '2001:db8::1', port: 2 },
    ]);
    expect(uris.map(({ host, port }) => [host, port])).toEqual([
      ['192.0.2.1', 1],
      ['2001:db8::1', 2],
    ]);
  });

  test('needs a place that the internet can reach', async () => {
    await expect(invite('alice', [])).rejects.toMatchObject({ code: 'RELAY_PLACE_MISSING' });
  });

  test('derives from a secret that nobody else may read', async () => {
    await invite('alice');
    const file = path.join(stateDir, 'relay-secret');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readFile(file, 'utf8')).toMatch(/^[0-9a-f]{64}\n$/);
  });

  test('is not given out from a secret that is damaged', async () => {
    await writeFile(path.join(stateDir, 'relay-secret'), 'short\n');
    await expect(invite('alice')).rejects.toMatchObject({ code: 'RELAY_SECRET_UNUSABLE' });
  });
});

describe('the running relay', () => {
  test('serves who has an invite, and counts', async () => {
    const { endpoint, said, end } = await relay();
    const [uri] = await invite('alice');
    if (!uri) throw new Error('no invite');
    const place = await reserve(endpoint, uri);
    const guest = new RelayClient({ net, clock, random });
    clients.push(guest);
    const stream = await guest.connect(endpoint, place.token, signal);
    stream.write(Buffer.alloc(1000));
    const told: { event: string; circuits?: number }[] = [];
    said.on('line', (line) => told.push(line));
    await end();
    expect(told.find(({ event }) => event === 'relay.status')).toMatchObject({ circuits: 1, sessions: 2 });
  });

  test('serves neither who made a token up nor whose invite was revoked', async () => {
    const { endpoint } = await relay(['bob']);
    const [[alice], [bob]] = [await invite('alice'), await invite('bob')];
    if (!alice || !bob) throw new Error('no invite');
    await expect(reserve(endpoint, { ...alice, token: bob.token })).rejects.toMatchObject({ code: 'RELAY_UNREACHABLE' });
    await expect(reserve(endpoint, bob)).rejects.toMatchObject({ code: 'RELAY_UNREACHABLE' });
    await reserve(endpoint, alice);
  });

  test('answers status on a socket of its own: who uses it, what it refused and what it grants', async () => {
    const { endpoint } = await relay(['bob']);
    const [[alice], [bob]] = [await invite('alice'), await invite('bob')];
    if (!alice || !bob) throw new Error('no invite');
    for (let count = 0; count < 4; count++) await reserve(endpoint, alice);
    await expect(reserve(endpoint, alice)).rejects.toMatchObject({ code: 'RELAY_QUOTA_REACHED' });
    await expect(reserve(endpoint, bob)).rejects.toMatchObject({ code: 'RELAY_UNREACHABLE' });
    const status = await new ControlClient(path.join(stateDir, 'run')).get('/v1/status', relayStatusSchema);
    expect(status.relay).toMatchObject({
      listening: [`127.0.0.1:${endpoint.port}`],
      revoked: ['bob'],
      circuits: 4,
      users: [{ name: 'alice', circuits: 4, bytes: 0 }],
      refusals: { RELAY_QUOTA_REACHED: 1 },
      turnedAway: 1,
      limits: { maxCircuitsPerPeer: 4 },
    });
    expect(JSON.stringify(status)).not.toContain(alice.token);
    const text = relayStatusText(status, Date.now());
    expect(text).toContain('1 × RELAY_QUOTA_REACHED');
    expect(text).toContain('alice  4 circuits');
  });

  test('is the only one with its runtime folder', async () => {
    await relay();
    const second = relay();
    await expect(second).rejects.toMatchObject({ code: 'ALREADY_RUNNING' });
  });

  test('leaves nothing in its runtime folder when it ends', async () => {
    const { end } = await relay();
    const folder = path.join(stateDir, 'run');
    expect((await readdir(folder)).sort()).toEqual(['agent.lock', 'control.sock']);
    await end();
    expect(await readdir(folder)).toEqual([]);
  });

  test('serves its metrics over HTTP, to whoever names it rightly, and nothing else', async () => {
    const { url } = await relay([], { http: `127.0.0.1:${await freePort()}` });
    const text = await (await fetch(`${url}metrics`)).text();
    for (const { name, type } of Object.values(relayMetricDefinitions)) expect(text).toContain(`# TYPE ${name} ${type}\n`);
    expect((await fetch(`${url}v1/status`)).status).toBe(404);
    expect((await fetch(`${url}metrics`, { method: 'POST' })).status).toBe(401);
    expect((await fetch(`${url}metrics`, { headers: { origin: 'http://elsewhere.test' } })).status).toBe(403);
  });

  test('grants each name its own share', async () => {
    const { endpoint } = await relay();
    const [[alice], [bob]] = [await invite('alice'), await invite('bob')];
    if (!alice || !bob) throw new Error('no invite');
    for (let count = 0; count < 4; count++) await reserve(endpoint, alice);
    await expect(reserve(endpoint, alice)).rejects.toMatchObject({ code: 'RELAY_QUOTA_REACHED' });
    await reserve(endpoint, bob);
  });

  test('answers STUN over UDP and TCP, and tells its time', async () => {
    const { endpoint } = await relay();
    const { seen } = await surveyRelay({ net, clock, random }, { ...endpoint, transport: 'udp' }, signal);
    expect(seen).toEqual(['127.0.0.1']);
    const stream = await net.connectTcp({ remote: endpoint, timeoutMs: 1000 });
    const { serverTimeMs } = await bindTimed(stream, { clock, random, timeoutMs: 1000 });
    stream.destroy();
    expect(Math.abs((serverTimeMs ?? 0) - clock.now())).toBeLessThan(1000);
  });
});

test('options behind invite are its own', async () => {
  const asked: unknown[] = [];
  const args = ['relay', 'invite', 'alice', '--state-dir', '/state', '--advertise', 'relay.test:1', '-c', '-'];
  const invited = async (...values: unknown[]) => void asked.push(...values);
  expect(await runCommand(args, { invite: invited })).toMatchObject({ code: 0 });
  expect(asked).toEqual(['alice', { stateDir: '/state', advertise: [{ host: 'relay.test', port: 1 }], config: '-' }]);
});
