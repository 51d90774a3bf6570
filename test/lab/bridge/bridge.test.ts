import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AgentProcess } from '../agent-process.js';
import { Lab } from '../lab.js';
import { median, type PingStream } from '../ping.js';
import { poll } from '../poll.js';
import { directRttMs, lineRttMs, links, overlayRttMs } from '../round-trips.js';

/** One strategy, so that a bridge is not replaced by a better one. */
const options = { args: ['--strategies', 'tcp-hole-punching'] };

describe('two nodes behind NAT', () => {
  let lab: Lab;
  let a: AgentProcess;
  let b: AgentProcess;
  let ping: PingStream;

  beforeAll(async () => {
    lab = await Lab.create({ a: 'prc', b: 'prc', links, controlling: 'a' });
    [a, b] = [lab.a.agent(options), lab.b.agent(options)];
    await Promise.all([a.event('signalling.listening'), b.event('signalling.listening')]);
    await lab.settled();
    ping = lab.a.pingStream(lab.b.router.address, { intervalMs: 100 });
    await Promise.all([a.event('bridge.up'), b.event('bridge.up')]);
    await ping.reply(({ rttMs }) => rttMs < directRttMs);
    // A while on the bridge, for the losses that only show later.
    await poll('fifty pings', () => (ping.replies.length >= 50 ? true : undefined));
  });
  afterAll(() => lab?.close());

  it('get a bridge by punching, and both ends say the same of it', async () => {
    const [near, far] = await Promise.all([a.event('bridge.up'), b.event('bridge.up')]);
    expect(near).toMatchObject({ strategy: 'tcp-hole-punching', kind: 'direct', attempt: far.attempt });
    expect(near.rttMs).toBeCloseTo(far.rttMs, 2);
    expect(near.peer.key).toBe(lab.b.router.key);
  });

  it('ping faster at once, and lose no ping in the switch', async () => {
    const firstDirect = ping.replies.findIndex(({ rttMs }) => rttMs < directRttMs);
    expect(median(ping.replies.slice(0, firstDirect).map(({ rttMs }) => rttMs))).toBeGreaterThan(overlayRttMs);
    expect(median(ping.replies.slice(firstDirect).map(({ rttMs }) => rttMs))).toBeLessThan(directRttMs);
    expect(ping.lost).toBe(0);
  });

  it('have TCP know the whole round trip of the line from the start', async () => {
    // SYNs that cross make it half of that, and bbr sends a fraction of what the line carries for ten seconds.
    for (const { host, agent } of [
      { host: lab.a, agent: a },
      { host: lab.b, agent: b },
    ]) {
      const { remote } = await agent.event('bridge.up');
      const shown = await host.exec(['ss', '--tcp', '--info', '--numeric', '--no-header', 'dst', remote]);
      const leastMs = Number(/\bminrtt:([\d.]+)/.exec(shown)?.[1]);
      expect(leastMs).toBeGreaterThan(lineRttMs - 1);
    }
  });

  it('show the peering at both routers with the pinned key', async () => {
    for (const [host, other] of [
      [lab.a, lab.b],
      [lab.b, lab.a],
    ] as const) {
      const bridges = (await host.router.peers()).filter(({ remote }) => remote?.startsWith('unix://'));
      expect(bridges).toMatchObject([{ up: true, inbound: false, key: other.router.key }]);
    }
  });

  it('leave no socket file once the router is connected', () => {
    expect(a.runtimeFiles()).toEqual(['agent.lock', 'control.sock']);
  });

  it('keep the bridge when the configuration is read again', async () => {
    const before = await a.bridges();
    await a.signal('SIGHUP');
    await a.event('agent.reconfigured');
    expect(await a.bridges()).toEqual(before);
    expect(b.events.some(({ event }) => event === 'bridge.down')).toBe(false);
  });

  it('end in order on SIGTERM: exit code 0 within three seconds, and nothing left at either end', async () => {
    const asked = Date.now();
    const exit = await a.terminate();
    expect(exit).toEqual({ code: 0, signal: null });
    expect(Date.now() - asked).toBeLessThan(3000);
    await b.event('bridge.down');
    expect([await a.bridges(), await b.bridges()]).toEqual([[], []]);
    expect(a.runtimeFiles()).toEqual([]);
    const { time } = await ping.reply(({ rttMs, time }) => rttMs > overlayRttMs && time > asked);
    expect(time - asked).toBeLessThan(5000);
  });
});
