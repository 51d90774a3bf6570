import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../../src/core/clock.js';
import { systemRandom } from '../../../src/core/random.js';
import { discoverExternalAddress } from '../../../src/discovery/stun/external-address.js';
import { discoverExternalUdpAddress } from '../../../src/discovery/stun/external-udp-address.js';
import { StunTransactions } from '../../../src/discovery/stun/stun-transactions.js';
import { loadAddon } from '../../../src/native/addon.js';
import { createSystemNet } from '../../../src/native/system-net.js';

// coturn on two loopback addresses, two different servers as far as a client can tell.
const addresses = ['127.0.0.1', '127.0.0.2'];
let coturn: ChildProcess;
let port = 0;
const folder = mkdtempSync(path.join(tmpdir(), 'ratatoskr-coturn-'));

async function freePort(): Promise<number> {
  const probe = net.createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port: free } = probe.address() as net.AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return free;
}

async function listening(address: string): Promise<void> {
  for (;;) {
    const socket = net.connect(port, address);
    const up = await new Promise<boolean>((resolve) =>
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false)),
    );
    socket.destroy();
    if (up) return;
    if (coturn.exitCode !== null) throw new Error(`coturn ended with exit code ${coturn.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

beforeAll(async () => {
  port = await freePort();
  const files = [`--userdb=${folder}/db`, `--pidfile=${folder}/pid`, '--log-file=stdout'];
  const listeners = addresses.flatMap((address) => ['-L', address]);
  coturn = spawn(
    'turnserver',
    [
      '-n',
      ...listeners,
      '-p',
      String(port),
      '--lt-cred-mech',
      '--realm=lab',
      '--user=u:p',
      '--fingerprint',
      '--no-cli',
      '--no-tls',
      '--no-dtls',
      ...files,
    ],
    { stdio: 'ignore' },
  );
  const failed = new Promise<never>((_resolve, reject) => coturn.once('error', reject));
  await Promise.race([Promise.all(addresses.map(listening)), failed]);
});

afterAll(async () => {
  if (coturn.pid !== undefined && coturn.exitCode === null) {
    const ended = new Promise((resolve) => coturn.once('exit', resolve));
    coturn.kill('SIGKILL');
    await ended;
  }
  rmSync(folder, { recursive: true });
});

const addon = loadAddon();

test.each([
  { sockets: 'Node’s own sockets', net: createSystemNet() },
  ...(addon.addon ? [{ sockets: 'the native addon', net: createSystemNet(addon) }] : []),
])('coturn tells over TCP where it sees a port, and both its addresses agree, with $sockets', async ({ net: system }) => {
  const local = await freePort();
  const found = await discoverExternalAddress({
    net: system,
    clock: systemClock,
    random: systemRandom,
    servers: addresses.map((address) => `${address}:${port}`),
    local: { port: local, address: '127.0.0.1' },
    family: 4,
    graceMs: 5_000,
  });
  found.close();
  expect(found).toMatchObject({ mapped: { address: '127.0.0.1', port: local }, agreement: 'agree', failures: [] });
});

test('coturn tells over UDP where it sees a socket, and both its addresses agree', async () => {
  const system = createSystemNet();
  const socket = await system.bindUdp({
    local: { address: '127.0.0.1', port: 0 },
    onMessage: (data, remote) => transactions.receive(data, remote),
  });
  const transactions: StunTransactions = new StunTransactions({
    clock: systemClock,
    random: systemRandom,
    send: (data, remote) => socket.send(data, remote),
  });
  try {
    const found = await discoverExternalUdpAddress({
      net: system,
      clock: systemClock,
      transactions,
      servers: addresses.map((address) => `${address}:${port}`),
      family: 4,
      graceMs: 5_000,
    });
    expect(found).toMatchObject({ mapped: socket.local, agreement: 'agree', failures: [], strays: 0 });
  } finally {
    await socket.close();
  }
});
