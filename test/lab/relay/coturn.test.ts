import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.js';
import type { Endpoint } from '../../../src/core/net.js';
import { systemRandom } from '../../../src/core/random.js';
import { createSystemNet } from '../../../src/native/system-net.js';
import { Allocation, type AllocationOptions } from '../../../src/strategies/relay/turn/allocation.js';
import { sharedSecretCredentials } from '../../../src/strategies/relay/turn/credentials.js';
import type { TurnServer } from '../../../src/strategies/relay/turn/server.js';
import { poll } from '../poll.js';
import { LoopbackCoturn, type LoopbackCoturnOptions } from './loopback-coturn.js';

const never = new AbortController().signal;
const platform = { net: createSystemNet(), clock: systemClock, random: systemRandom };
const lab = { username: 'lab', password: 'lab' };
const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).reverse()) await end();
});

async function coturn(options: LoopbackCoturnOptions = {}): Promise<LoopbackCoturn> {
  const server = await LoopbackCoturn.start(options);
  cleanUp.push(() => server.kill());
  return server;
}

async function allocate(
  { port }: { readonly port: number },
  {
    transport = 'udp',
    credentials = lab,
    ca,
    host = '127.0.0.1',
  }: Partial<Pick<TurnServer, 'transport' | 'credentials' | 'ca' | 'host'>> = {},
  options: AllocationOptions = { relayed: 'udp' },
): Promise<Allocation> {
  const endpoint = { address: host, port };
  const server = { name: `${host}:${port}`, host, endpoint, transport, credentials, ca };
  const allocation = await Allocation.open(platform, server, options, never);
  cleanUp.push(() => allocation.close());
  return allocation;
}

/** A key and a certificate for 127.0.0.1, as coturn's arguments and as PEM. */
function certificate(): { readonly extra: readonly string[]; readonly ca: string } {
  const folder = mkdtempSync(path.join(tmpdir(), 'ratatoskr-turn-'));
  cleanUp.push(() => rmSync(folder, { recursive: true }));
  const [key, cert] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=turn', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', cert, ...subject];
  execFileSync('openssl', request, { stdio: 'ignore' });
  return { extra: [`--cert=${cert}`, `--pkey=${key}`], ca: readFileSync(cert, 'utf8') };
}

describe('an allocation at coturn', () => {
  it.each(['udp', 'tcp', 'tls'] as const)(
    'carries datagrams both ways, asked for over %s, and is given back',
    async (transport) => {
      const { extra, ca } = transport === 'tls' ? certificate() : { extra: ['--no-tls'], ca: undefined };
      const server = await coturn({ extra });
      const arrived: string[] = [];
      const echo = (data: Buffer, from: Endpoint) => other.send(data, from);
      const own = await allocate(server, { transport, ca }, { relayed: 'udp', onData: (data) => arrived.push(`${data}`) });
      const other = await allocate(server, { transport, ca }, { relayed: 'udp', onData: echo });
      await Promise.all([own.permit(['127.0.0.1']), other.permit(['127.0.0.1'])]);
      const send = await own.bindChannel(other.relayed);
      await poll('the echo', () => {
        send(Buffer.from('over the channel'));
        return arrived[0];
      });
      expect(new Set(arrived)).toEqual(new Set(['over the channel']));
      await Promise.all([own.close(), other.close()]);
      await poll('no allocation is left', () => server.allocations === 0 || undefined);
    },
  );

  it('is of IPv6 at a server that is met over IPv6', async () => {
    const { relayed } = await allocate(await coturn({ address: '::1' }), { host: '::1' });
    expect(relayed.address).toBe('::1');
  });

  it('is made with credentials that a shared secret gave', async () => {
    const server = await coturn({ users: ['--use-auth-secret', '--static-auth-secret=north'] });
    const good = sharedSecretCredentials('squirrel', 'north', systemClock.wallTime(), 60_000);
    await allocate(server, { credentials: good });
    const late = sharedSecretCredentials('squirrel', 'north', systemClock.wallTime(), -60_000);
    await expect(allocate(server, { credentials: late })).rejects.toMatchObject({ code: 'TURN_UNAUTHORIZED', status: 401 });
  });

  it.each(['udp', 'tcp'] as const)('is made at the server that another one names, over %s', async (transport) => {
    const second = await coturn();
    const server = await coturn({ extra: ['--no-tls', '--alternate-server', `127.0.0.1:${second.port}`] });
    // The two servers differ in their ports alone.
    await allocate(server, { transport });
    await poll('the other has the allocation', () => second.allocations === 1 || undefined);
    expect(server.allocations).toBe(0);
  });

  it('is lost when a server that was started anew does not know it', async () => {
    const extra = ['--no-tls', '--max-allocate-lifetime=4'];
    const before = await coturn({ extra });
    const { lost } = await allocate(before);
    await before.kill();
    await coturn({ extra, port: before.port });
    if (!lost.aborted) await once(lost, 'abort');
    expect(lost.reason).toMatchObject({ code: 'TURN_ALLOCATION_LOST', status: 437 });
  });

  it('is refreshed in time, again and again', async () => {
    const server = await coturn({ extra: ['--no-tls', '--max-allocate-lifetime=2'] });
    const { lost } = await allocate(server);
    await poll('three refreshes', () => server.refreshes >= 3 || undefined);
    expect(lost.aborted).toBe(false);
  });
});

describe('coturn refuses', () => {
  it('one allocation more than a user may have', async () => {
    const server = await coturn({ extra: ['--no-tls', '--user-quota=1'] });
    await allocate(server);
    await expect(allocate(server)).rejects.toMatchObject({ code: 'TURN_QUOTA_REACHED', status: 486 });
  });

  it('an allocation when its ports are used up', async () => {
    const server = await coturn({ extra: ['--no-tls', '--min-port=49900', '--max-port=49900'] });
    await allocate(server);
    await expect(allocate(server)).rejects.toMatchObject({ code: 'TURN_FULL', status: 508 });
  });

  it('to relay TCP, when it is told so', async () => {
    const server = await coturn({ extra: ['--no-tls', '--no-tcp-relay'] });
    const outcome = allocate(server, { transport: 'tcp' }, { relayed: 'tcp' });
    await expect(outcome).rejects.toMatchObject({ code: 'TURN_NO_TCP_RELAY', status: 442 });
  });

  it('peers that it is told not to reach', async () => {
    const server = await coturn({ extra: ['--no-tls', '--denied-peer-ip=198.51.100.0-198.51.100.255'] });
    const allocation = await allocate(server);
    await expect(allocation.permit(['198.51.100.4'])).rejects.toMatchObject({ code: 'TURN_FORBIDDEN', status: 403 });
    expect(allocation.lost.aborted).toBe(false);
  });
});
