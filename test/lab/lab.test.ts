import { existsSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Lab, type LabOptions } from './lab.js';
import { poll } from './poll.js';
import { exchangeUdp, mappedPorts, openTcp } from './reachability.js';
import { publicIpv6Address } from './topology.js';

let lab: Lab | undefined;
afterEach(async () => {
  await lab?.close();
  lab = undefined;
});
async function network(options: LabOptions): Promise<Lab> {
  lab = await Lab.create({ routers: false, turn: false, ...options });
  return lab;
}

describe('a NAT kind', () => {
  it('public lets an unexpected connection through to the host', async () => {
    const { a, b } = await network({ a: 'public', b: 'public' });
    expect(await openTcp(a, b, '20.0.2.2')).toBe('connected');
  });

  it('fw drops an unexpected connection', async () => {
    const { a, b } = await network({ a: 'public', b: 'fw' });
    expect(await openTcp(a, b, '20.0.2.2')).toBe('dropped');
  });

  it('cone lets an unexpected connection through to the host', async () => {
    const { a, b } = await network({ a: 'prc', b: 'cone' });
    expect(await openTcp(a, b, '20.0.2.2')).toBe('connected');
  });

  it('prc drops an unexpected connection', async () => {
    const { a, b } = await network({ a: 'prc', b: 'prc' });
    expect(await openTcp(a, b, '20.0.2.2')).toBe('dropped');
  });

  it('prcrst answers an unexpected connection with a reset', async () => {
    const { a, b } = await network({ a: 'prc', b: 'prcrst' });
    expect(await openTcp(a, b, '20.0.2.2')).toBe('reset');
  });

  it('cgnat drops an unexpected connection', async () => {
    const { a, b } = await network({ a: 'prc', b: 'cgnat' });
    expect(await openTcp(a, b, '20.0.2.2')).toBe('dropped');
  });

  it.each(['prc', 'cgnat'] as const)('%s keeps the source port for every destination', async (kind) => {
    const { a, p } = await network({ a: kind });
    expect(await mappedPorts(a, p, 40_000)).toEqual([40_000, 40_000]);
  });

  it('sym takes another port for each destination', async () => {
    const { a, p } = await network({ a: 'sym' });
    const [one, other] = await mappedPorts(a, p, 40_000);
    expect(one).not.toBe(other);
  });

  it('seq takes the next port for each destination', async () => {
    const { a, p } = await network({ a: 'seq' });
    const [one = 0, other = 0] = await mappedPorts(a, p, 40_000);
    expect(other - one).toBe(1);
  });

  it('fw6 drops an unexpected connection', async () => {
    const { a, b } = await network({ a: 'fw6', b: 'fw6' });
    expect(await openTcp(a, b, b.address)).toBe('dropped');
  });

  it('fw6 lets the host out by IPv6', async () => {
    const { a, p } = await network({ a: 'fw6' });
    expect(await openTcp(a, p, publicIpv6Address)).toBe('connected');
  });

  it('prc forwards UDP', async () => {
    const { a, p } = await network({ a: 'prc' });
    expect(await exchangeUdp(a, p)).toBe(true);
  });

  it('udpblock forwards TCP', async () => {
    const { a, p } = await network({ a: 'udpblock' });
    expect(await openTcp(a, p, '20.0.9.2')).toBe('connected');
  });

  it('udpblock forwards no UDP', async () => {
    const { a, p } = await network({ a: 'udpblock' });
    expect(await exchangeUdp(a, p)).toBe(false);
  });
});

describe('a link', () => {
  it('delays each direction by what was asked', async () => {
    const { a } = await network({ links: { a: 10, b: 10, p: 20 } });
    const { rttsMs } = await a.ping('20.0.9.2', { count: 5, intervalMs: 50 });
    const leastMs = Math.min(...rttsMs);
    expect(leastMs).toBeGreaterThanOrEqual(60);
    expect(leastMs).toBeLessThan(75);
  });

  it('loses the share of packets that was asked', async () => {
    const { a } = await network({ links: { a: { delayMs: 1, loss: 0.5 } } });
    const { sent, received } = await a.ping('20.0.1.1', { count: 200, intervalMs: 5 });
    // Both ways get through with probability 1/4, ±5 standard deviations.
    expect(received / sent).toBeGreaterThan(0.09);
    expect(received / sent).toBeLessThan(0.41);
  });

  it('drops what a limited rate and its queue cannot hold', async () => {
    const { a } = await network({ links: { a: { delayMs: 1, kbitPerSecond: 64, queueBytes: 4000 } } });
    const burst = await a.exec(['sh', '-c', 'ping -4 -n -q -c 20 -l 20 -s 972 -W 2 20.0.1.1 || true']);
    const received = Number(/(\d+) received/.exec(burst)?.[1]);
    // 4000 bytes hold three such packets behind the one on the line.
    expect(received).toBeGreaterThanOrEqual(3);
    expect(received).toBeLessThan(8);
  });
});

describe('a laboratory', () => {
  it('cut between its sites leaves both the public peer', async () => {
    const { a, b } = await network({ a: 'public', b: 'public' });
    await lab?.cut();
    const received = async (from: typeof a, address: string) =>
      (await from.ping(address, { count: 1, timeoutMs: 1000 })).received;
    expect([await received(a, '20.0.2.2'), await received(a, '20.0.9.2'), await received(b, '20.0.9.2')]).toEqual([0, 1, 1]);
  });

  it('mended lets the sites reach each other again', async () => {
    const { a } = await network({ a: 'public', b: 'public' });
    await lab?.cut();
    await lab?.mend();
    expect((await a.ping('20.0.2.2', { count: 1 })).received).toBe(1);
  });

  it('leaves no process behind when it is closed', async () => {
    const { a, pid } = await network({});
    const sleeper = a.spawn(['sh', '-c', 'echo started; exec sleep 1000']);
    await sleeper.line('start', (line) => line === 'started' || undefined);
    await lab?.close();
    expect(await sleeper.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(existsSync(`/proc/${pid}`)).toBe(false);
  });

  it('says which command failed, and why', async () => {
    const { a } = await network({});
    await expect(a.exec(['ls', '/nowhere'])).rejects.toThrow(/ha: `ls \/nowhere` failed with 2: .*No such file/);
  });
});

describe('routers of a laboratory', () => {
  beforeAll(async () => {
    shared = await Lab.create({ controlling: 'b' });
  });
  afterAll(() => shared?.close());
  let shared: Lab;

  it('reach each other over the public one', async () => {
    await shared.settled();
    const ping = shared.a.pingStream(shared.b.router.address, { intervalMs: 200 });
    await ping.reply(() => true, { timeoutMs: 20_000 });
    expect((await shared.b.router.sessions()).map(({ key }) => key)).toContain(shared.a.router.key);
    await ping.stop();
  });

  it('have keys in the order that was asked', () => {
    expect(shared.b.router.key < shared.a.router.key).toBe(true);
  });

  it('keep their address over a kill -9', async () => {
    const { address } = shared.b.router;
    await shared.b.router.kill9();
    await shared.b.router.start();
    expect(shared.b.router.address).toBe(address);
  });

  it('tell a test why they refuse a request', async () => {
    await expect(shared.a.router.admin('addPeer', { uri: 'nonsense://x' })).rejects.toThrow(/addPeer at ha: /);
  });

  it('are found by a STUN server on both public addresses', async () => {
    const answered = await poll('coturn answers', async () => ((await exchangeUdp(shared.a, shared.p, 3478)) ? true : undefined));
    expect(answered).toBe(true);
  });
});
