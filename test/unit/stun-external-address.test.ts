import net from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import type { ByteStream, ConnectTcpOptions, Net } from '../../src/core/net.js';
import { systemRandom } from '../../src/core/random.js';
import { agreementOf, mostSeen } from '../../src/discovery/stun/agreement.js';
import { type DiscoveryOptions, discoverExternalAddress } from '../../src/discovery/stun/external-address.js';
import { type Behaviour, honest, junk, lying, type StunServer, silent, stunServer } from './stun-server.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function server(behaviour: Behaviour): Promise<StunServer> {
  const started = await stunServer(behaviour);
  cleanups.push(() => started.close());
  return started;
}

/** Plain sockets; names resolve as told. Keeps what was connected. */
function plainNet(names: Record<string, readonly string[]> = {}) {
  const attempts: ConnectTcpOptions[] = [];
  const streams: net.Socket[] = [];
  const connectTcp = (options: ConnectTcpOptions) =>
    new Promise<ByteStream>((resolve, reject) => {
      attempts.push(options);
      const socket = net.connect({
        host: options.remote.address,
        port: options.remote.port,
        localAddress: options.local?.address ?? '127.0.0.1',
        localPort: options.local?.port ?? 0,
        ...(options.signal ? { signal: options.signal } : {}),
      });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        streams.push(socket);
        resolve(socket);
      });
    });
  const resolve = async (host: string) => names[host] ?? [host];
  const port = { capabilities: { sharedPort: false, peerCredentials: false, tcpTuning: false }, connectTcp, resolve };
  return { net: port as unknown as Net, attempts, streams };
}

async function freePort(): Promise<number> {
  const probe = net.createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as net.AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

async function discover(servers: readonly string[], options: Partial<DiscoveryOptions> & { net?: Net } = {}) {
  const port = await freePort();
  const found = await discoverExternalAddress({
    net: plainNet().net,
    clock: systemClock,
    random: systemRandom,
    servers,
    local: { port },
    family: 4,
    graceMs: 2_000,
    ...options,
  });
  cleanups.push(() => found.close());
  return { ...found, port };
}

const elsewhere = { address: '20.6.6.6', port: 666 };

describe('the external address', () => {
  test('is what two servers agree on, asked from one port', async () => {
    const [a, b] = [await server(honest), await server(honest)];
    const { mapped, port, agreement, observations, failures } = await discover([a.name, b.name]);
    expect(mapped).toEqual({ address: '127.0.0.1', port });
    expect(agreement).toBe('agree');
    expect(observations.map((seen) => seen.server).sort()).toEqual([a.name, b.name].sort());
    expect(failures).toEqual([]);
  });

  test('is known as soon as two have answered, though a third is silent', async () => {
    const [a, b, c] = [await server(silent), await server(honest), await server(honest)];
    const { agreement, failures } = await discover([a.name, b.name, c.name], { graceMs: 60_000, timeoutMs: 60_000 });
    expect(agreement).toBe('agree');
    expect(failures).toEqual([]);
  });

  test('is known after the grace when one alone answers', async () => {
    const [a, b] = [await server(honest), await server(silent)];
    const { mapped, port, agreement } = await discover([a.name, b.name], { graceMs: 10, timeoutMs: 60_000 });
    expect(mapped).toEqual({ address: '127.0.0.1', port });
    expect(agreement).toBe('one');
  });

  test('is in doubt when a server lies', async () => {
    const [a, b] = [await server(honest), await server(lying(elsewhere))];
    const { agreement, observations } = await discover([a.name, b.name]);
    expect(agreement).toBe('disagree');
    expect(observations).toContainEqual({ server: b.name, mapped: elsewhere });
  });

  test('is found by the next in the list when the first ones fail', async () => {
    const [a, b, good] = [await server(junk), await server((socket) => void socket.destroy()), await server(honest)];
    const { mapped, failures } = await discover([a.name, b.name, 'nonsense', good.name], { parallel: 1 });
    expect(mapped).toBeDefined();
    expect(failures.map(({ server: name, code }) => [name, code])).toEqual([
      [a.name, 'EPROTO'],
      [b.name, expect.stringMatching(/ECONNRESET|EPIPE/)],
      ['nonsense', 'EINVAL'],
    ]);
  });

  test('is undefined when all fail, with the reason of each', async () => {
    const gone = await server(honest);
    await gone.close();
    const quiet = await server(silent);
    const { mapped, agreement, failures } = await discover([gone.name, quiet.name], { timeoutMs: 50 });
    expect(mapped).toBeUndefined();
    expect(agreement).toBe('none');
    expect(Object.fromEntries(failures.map(({ server: name, code }) => [name, code]))).toEqual({
      [gone.name]: 'ECONNREFUSED',
      [quiet.name]: 'ETIMEDOUT',
    });
  });

  test('is undefined without servers', async () => {
    expect(await discover([])).toMatchObject({ mapped: undefined, observations: [], failures: [] });
  });

  test('of another family than asked for is refused', async () => {
    const liar = await server(lying({ address: '2001:db8::1', port: 1 }));
    expect((await discover([liar.name])).failures).toMatchObject([{ code: 'EPROTO' }]);
  });
});

describe('asking', () => {
  test('keeps at most so many servers busy at a time', async () => {
    const servers = await Promise.all([silent, silent, silent, honest].map(server));
    const { net: port, attempts } = plainNet();
    const search = discover(
      servers.map(({ name }) => name),
      { net: port, parallel: 2, timeoutMs: 60, graceMs: 1 },
    );
    const { mapped } = await search;
    expect(mapped).toBeDefined();
    expect(attempts.length).toBe(4);
    expect(servers[3]?.connections.length).toBe(1);
  });

  test('leaves the answering connection open until close, and no other', async () => {
    const [a, b] = [await server(honest), await server(silent)];
    const { net: port, streams } = plainNet();
    const found = await discover([a.name, b.name], { net: port, graceMs: 10 });
    const open = () => streams.filter((stream) => !stream.destroyed).map((stream) => `127.0.0.1:${stream.remotePort}`);
    expect(open()).toEqual([a.name]);
    found.close();
    found.close();
    expect(open()).toEqual([]);
  });

  test('survives a server that resets the connection which was left open', async () => {
    const a = await server(honest);
    const { net: port, streams } = plainNet();
    await discover([a.name], { net: port, graceMs: 1 });
    const [stream] = streams;
    const closed = new Promise((resolve) => stream?.once('close', resolve));
    a.connections[0]?.resetAndDestroy();
    await closed;
    expect(stream?.errored).toMatchObject({ code: 'ECONNRESET' });
  });

  test('a server under two names is asked once', async () => {
    const a = await server(honest);
    const [, port] = a.name.split(':');
    const { net: twice, attempts } = plainNet({ one: ['127.0.0.1'], two: ['127.0.0.1'] });
    const { failures } = await discover([`one:${port}`, `two:${port}`], { net: twice });
    expect(attempts).toHaveLength(1);
    expect(failures).toMatchObject([{ server: `two:${port}`, code: 'EALREADY' }]);
  });

  test('shares the port where the platform can', async () => {
    const a = await server(honest);
    const { net: port, attempts } = plainNet();
    const capable = { ...port, capabilities: { ...port.capabilities, sharedPort: true } };
    await discover([a.name], { net: capable, graceMs: 1 });
    expect(attempts.map(({ sharePort }) => sharePort)).toEqual([true]);
  });

  test('takes only addresses of the family', async () => {
    const a = await server(honest);
    const [, port] = a.name.split(':');
    const { net: both, attempts } = plainNet({ both: ['::1', '127.0.0.1'], six: ['::1'] });
    const { failures } = await discover([`six:${port}`, `both:${port}`], { net: both, parallel: 1, graceMs: 1 });
    expect(attempts.map(({ remote }) => remote.address)).toEqual(['127.0.0.1']);
    expect(failures).toMatchObject([{ code: 'ENOTFOUND' }]);
  });

  test('gives up on a name that does not resolve in time', async () => {
    const stuck = { ...plainNet().net, resolve: () => new Promise<readonly string[]>(() => {}) };
    const { failures } = await discover(['stuck:1'], { net: stuck, timeoutMs: 20 });
    expect(failures).toMatchObject([{ server: 'stuck:1', code: 'ETIMEDOUT' }]);
  });

  test('ends with the reason of the signal and leaves no connection open', async () => {
    const quiet = await server(silent);
    const { net: port, streams } = plainNet();
    const controller = new AbortController();
    const reason = new Error('enough');
    const search = discover([quiet.name], { net: port, signal: controller.signal, timeoutMs: 60_000 });
    const asked = new Promise<void>((resolve) => {
      const check = () => (quiet.connections[0]?.bytesRead ? resolve() : setImmediate(check));
      check();
    });
    await asked;
    controller.abort(reason);
    await expect(search).rejects.toBe(reason);
    expect(streams.every((stream) => stream.destroyed)).toBe(true);
  });

  test('does not begin on a signal that was given already', async () => {
    const { net: port, attempts } = plainNet();
    await expect(discover(['127.0.0.1:1'], { net: port, signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow(
      'before',
    );
    expect(attempts).toEqual([]);
  });
});

describe('peers that answer STUN', () => {
  test('are asked when none of the servers answers', async () => {
    const [quiet, a, b] = [await server(silent), await server(honest), await server(honest)];
    const { mapped, port, agreement, failures } = await discover([quiet.name], { fallback: [a.name, b.name], timeoutMs: 50 });
    expect([mapped, agreement]).toEqual([{ address: '127.0.0.1', port }, 'agree']);
    expect(failures).toMatchObject([{ server: quiet.name, code: 'ETIMEDOUT' }]);
  });

  test('are asked when there is no server', async () => {
    const a = await server(honest);
    expect((await discover([], { fallback: [a.name], graceMs: 1 })).mapped).toMatchObject({ address: '127.0.0.1' });
  });

  test('have no say beside a server that answers, and are not even asked', async () => {
    const [a, liar, other] = [await server(honest), await server(lying(elsewhere)), await server(lying(elsewhere))];
    const { mapped, port, agreement } = await discover([a.name], { fallback: [liar.name, other.name] });
    expect([mapped, agreement]).toEqual([{ address: '127.0.0.1', port }, 'one']);
    expect([...liar.connections, ...other.connections]).toEqual([]);
  });

  test('that disagree are believed as little as servers that do', async () => {
    const [a, liar] = [await server(honest), await server(lying(elsewhere))];
    expect((await discover([], { fallback: [a.name, liar.name] })).agreement).toBe('disagree');
  });
});

describe('agreement', () => {
  const seen = (...endpoints: [string, number][]) =>
    endpoints.map(([address, port], index) => ({ server: `s${index}`, mapped: { address, port } }));

  test.each([
    ['none', seen()],
    ['one', seen(['20.0.0.1', 1])],
    ['agree', seen(['20.0.0.1', 1], ['20.0.0.1', 1])],
    ['disagree', seen(['20.0.0.1', 1], ['20.0.0.1', 2])],
    ['disagree', seen(['20.0.0.1', 1], ['20.0.0.2', 1])],
    ['disagree', seen(['20.0.0.1', 1], ['20.0.0.1', 1], ['20.0.0.1', 2])],
  ] as const)('is %s for %j', (expected, observations) => {
    expect(agreementOf(observations)).toBe(expected);
  });

  test('the endpoint that most saw counts, and the first of equals', () => {
    expect(mostSeen(seen(['20.6.6.6', 6], ['20.0.0.1', 1], ['20.0.0.1', 1]))).toEqual({ address: '20.0.0.1', port: 1 });
    expect(mostSeen(seen(['20.0.0.1', 1], ['20.6.6.6', 6]))).toEqual({ address: '20.0.0.1', port: 1 });
    expect(mostSeen([])).toBeUndefined();
  });
});
