import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { ByteStream, Endpoint } from '../../src/core/net.js';
import { type Host, SimulatedNetwork } from '../../src/testing.js';

const port = 5000;

/** A UDP socket at a fixed port, and what it has heard, as `address port text`. */
async function udp(host: Host, address = '0.0.0.0') {
  const heard: string[] = [];
  const socket = await host.net.bindUdp({
    local: { address, port },
    onMessage: (data, remote) => heard.push(`${remote.address} ${remote.port} ${data}`),
  });
  return { heard, send: (text: string, to: Endpoint) => socket.send(Buffer.from(text), to) };
}

const connect = (host: Host, to: Host, timeoutMs = 3000) =>
  host.net.connectTcp({ remote: { address: to.address, port }, local: { port }, timeoutMs });

describe('a NAT', () => {
  it('lets answers in for as long as its mapping lives', async () => {
    const world = new SimulatedNetwork();
    const home = world.nat({ udpLifetimeMs: 30_000 });
    const [inside, outside] = [await udp(home.host('a')), await udp(world.host('b'))];
    inside.send('hello', { address: '20.0.0.3', port });
    await world.run(100);
    const [greeting = ''] = outside.heard;
    expect(greeting).toBe(`${home.router.externalAddresses[0]} ${port} hello`);
    const back = { address: home.router.externalAddresses[0] ?? '', port };
    await world.run(29_000);
    outside.send('in time', back);
    await world.run(2000);
    outside.send('too late', back);
    await world.run(100);
    expect(inside.heard).toEqual([`20.0.0.3 ${port} in time`]);
  });

  it.each([true, false])('lets its hosts meet by its external address where it hairpins (%s)', async (hairpinning) => {
    const world = new SimulatedNetwork();
    const home = world.nat({ hairpinning, filtering: 'endpoint-independent' });
    const [a, b] = [await udp(home.host('a')), await udp(home.host('b'))];
    const server = await udp(world.host('server'));
    for (const { send } of [a, b]) send('hello', { address: '20.0.0.3', port });
    await world.run(100);
    const [, external = ''] = server.heard[1]?.split(' ') ?? [];
    a.send('you too', { address: home.router.externalAddresses[0] ?? '', port: Number(external) });
    await world.run(100);
    expect(b.heard).toEqual(hairpinning ? [`${home.router.externalAddresses[0]} ${port} you too`] : []);
  });

  it('keeps what is sent to a group within its network', async () => {
    const world = new SimulatedNetwork();
    const home = world.nat();
    const socket = await udp(home.host('a'));
    const outside = world.record();
    socket.send('who is there?', { address: '239.255.255.250', port: 1900 });
    await world.run(100);
    expect(world.statistics.losses('no-route')).toBe(1);
    expect(outside.chart([world.router])).not.toContain('UDP');
  });

  it('translates no IPv6, and filters it', async () => {
    const world = new SimulatedNetwork();
    const [host, server] = [world.nat().host('a', { ipv6: true }), world.host('b', { ipv6: true })];
    const [own = '', far = ''] = [host.addresses[1], server.addresses[1]];
    const [inside, outside] = [await udp(host, '::'), await udp(server, '::')];
    outside.send('unasked', { address: own, port });
    await world.run(100);
    inside.send('hello', { address: far, port });
    await world.run(100);
    outside.send('answer', { address: own, port });
    await world.run(100);
    expect([inside.heard, outside.heard]).toEqual([[`${far} ${port} answer`], [`${own} ${port} hello`]]);
  });
});

describe('TCP', () => {
  it('opens from both ends at once, through two firewalls', async () => {
    const world = new SimulatedNetwork();
    const [a, b] = [world.host('a', { firewall: {} }), world.host('b', { firewall: {} })];
    const [one, two] = await world.until(Promise.all([connect(a, b), connect(b, a)]));
    one.write('hello');
    const [data] = (await world.until(once(two, 'data'))) as [Buffer];
    expect(data.toString()).toBe('hello');
  });

  it.each([
    ['a closed port', {}, 'ECONNREFUSED'],
    ['a firewall that resets strangers', { firewall: { unexpected: 'reset' } }, 'ECONNREFUSED'],
    ['a firewall that says nothing', { firewall: {} }, 'ETIMEDOUT'],
  ] as const)('does not open to %s', async (_, options, code) => {
    const world = new SimulatedNetwork();
    await expect(world.until(connect(world.host('a'), world.host('b', options)))).rejects.toMatchObject({ code });
    expect(world.statistics.failedConnections).toEqual(new Map([[code, 1]]));
  });

  it('holds a writer up whose reader does not read', async () => {
    const world = new SimulatedNetwork();
    const [a, b] = [world.host('a'), world.host('b')];
    const accepted: ByteStream[] = [];
    await b.net.listenTcp({ local: { address: '0.0.0.0', port }, onStream: (stream) => accepted.push(stream) });
    const stream = await world.until(connect(a, b));
    let written = 0;
    while (written < 8 << 20 && stream.write(Buffer.alloc(1 << 16))) {
      written += 1 << 16;
      await world.run(1000);
    }
    await world.run(60_000);
    expect(written).toBeLessThan(1 << 20);
    accepted[0]?.resume();
    await world.until(once(stream, 'drain'));
  });

  it('gives up a line that has died, as it was tuned to', async () => {
    const world = new SimulatedNetwork();
    const [a, b] = [world.host('a'), world.host('b')];
    await b.net.listenTcp({ local: { address: '0.0.0.0', port }, onStream: (stream) => stream.resume() });
    const stream = await world.until(connect(a, b));
    a.net.tune(stream, { keepAliveMs: 1000, userTimeoutMs: 3000 });
    await world.run(10_000);
    expect(stream.destroyed).toBe(false);
    world.router.filter(() => false);
    const since = world.clock.now();
    await world.until(new Promise((resolve) => stream.once('close', resolve)));
    expect(stream.errored).toMatchObject({ code: 'ETIMEDOUT' });
    expect(world.clock.now() - since).toBeLessThan(5000);
  });
});

describe('a line', () => {
  it('lets through what its rate and its queue allow', async () => {
    const world = new SimulatedNetwork();
    const line = { bytesPerSecond: 10_000, burstBytes: 1000, queueBytes: 5000 };
    const [a, b] = [await udp(world.host('a', { line })), await udp(world.host('b'))];
    for (let count = 0; count < 20; count++) a.send('x'.repeat(472), { address: '20.0.0.3', port });
    // Two at once, then one each 50 ms.
    await world.run(200);
    expect(b.heard.length).toBe(5);
    await world.run(2000);
    expect(b.heard.length).toBe(12);
    expect(world.statistics.losses('queue-full')).toBe(8);
  });
});
