import { describe, expect, it, type TestContext } from 'vitest';
import { Lab } from '../lab.js';
import { ownedBy } from '../owned-by.js';
import type { PingStream } from '../ping.js';
import { poll } from '../poll.js';
import { directRttMs, links, overlayRttMs } from '../round-trips.js';

/** How long traffic may be away after a fault. */
const recoveryMs = 5000;

/** A bridge that carries pings. */
async function bridged(test: TestContext) {
  const lab = await ownedBy(test, Lab.create({ a: 'prc', b: 'cone', links }));
  const [a, b] = [lab.a.agent(), lab.b.agent()];
  await Promise.all([a.event('signalling.listening'), b.event('signalling.listening')]);
  await lab.settled();
  const ping = lab.a.pingStream(lab.b.router.address, { intervalMs: 100 });
  await Promise.all([a.event('bridge.up'), b.event('bridge.up')]);
  await ping.reply(({ rttMs }) => rttMs < directRttMs);
  return { lab, a, b, ping };
}

/** Traffic flows over the overlay again, soon enough. */
async function overlayCarries(ping: PingStream, faultAt: number): Promise<void> {
  const reply = await ping.reply(({ rttMs, time }) => time > faultAt && rttMs > overlayRttMs);
  expect(reply.time - faultAt).toBeLessThan(recoveryMs);
}

async function directAgain(ping: PingStream, since: number): Promise<void> {
  await ping.reply(({ rttMs, time }) => time > since && rttMs < directRttMs, { timeoutMs: 40_000 });
}

describe.concurrent('a bridge meets', () => {
  it('kill -9 of the agent: the overlay takes over, and the next agent removes what was left and bridges again', async (test) => {
    const { lab, a, b, ping } = await bridged(test);
    const left = await a.bridges();
    expect(left).toHaveLength(1);
    const faultAt = Date.now();
    await a.kill9();
    await b.event('bridge.down');
    await overlayCarries(ping, faultAt);
    const restartedAt = Date.now();
    const again = lab.a.agent();
    expect(await again.event('leftovers.removed')).toMatchObject({ peers: left });
    await again.event('bridge.up');
    await directAgain(ping, restartedAt);
    const now = await again.bridges();
    expect(now).toHaveLength(1);
    expect(now).not.toEqual(left);
    expect(again.runtimeFiles()).toEqual(['agent.lock', 'control.sock']);
  });

  it('kill -9 of the far agent: the overlay takes over, and nothing of the bridge is left here', async (test) => {
    const { lab, a, b, ping } = await bridged(test);
    const faultAt = Date.now();
    await b.kill9();
    const down = await a.event('bridge.down');
    await overlayCarries(ping, faultAt);
    expect(await a.bridges()).toEqual([]);
    const restartedAt = Date.now();
    lab.b.agent();
    await a.event('bridge.up', { after: down });
    await directAgain(ping, restartedAt);
  });

  it('kill -9 of the router: the agents let go, wait, and bridge again when it is back', async (test) => {
    const { lab, a, b, ping } = await bridged(test);
    await lab.a.router.kill9();
    await a.event('router.lost');
    await b.event('bridge.down');
    expect(await b.bridges()).toEqual([]);
    const lost = await a.event('bridge.down');
    await a.event('router.waiting', { after: lost });
    expect(a.runtimeFiles()).toEqual(['agent.lock', 'control.sock']);
    await lab.a.router.start();
    const restartedAt = Date.now();
    await a.event('bridge.up', { after: lost, timeoutMs: 60_000 });
    await directAgain(ping, restartedAt);
  });

  it('a cut link: the overlay takes over, and the bridge returns by itself when the link is mended', async (test) => {
    const { lab, a, b, ping } = await bridged(test);
    const faultAt = Date.now();
    await lab.cut();
    await overlayCarries(ping, faultAt);
    const [downA] = await Promise.all([a.event('bridge.down'), b.event('bridge.down')]);
    expect([await a.bridges(), await b.bridges()]).toEqual([[], []]);
    await lab.mend();
    const mendedAt = Date.now();
    await a.event('bridge.up', { after: downA, timeoutMs: 60_000 });
    await directAgain(ping, mendedAt);
  });

  it('a cut link while idle: both ends notice within five seconds', async (test) => {
    const { lab, a, b, ping } = await bridged(test);
    await ping.stop();
    await lab.cut();
    const cutAt = Date.now();
    const [downA, downB] = await Promise.all([a.event('bridge.down'), b.event('bridge.down')]);
    expect(Math.max(downA.time, downB.time) - cutAt).toBeLessThan(recoveryMs);
  });

  it('the far agent’s farewell: the bridge goes at once at both ends', async (test) => {
    const { a, b } = await bridged(test);
    await b.terminate();
    await a.event('bridge.down');
    expect([await a.bridges(), await b.bridges()]).toEqual([[], []]);
    await poll('the link is gone', () => (a.events.some(({ event }) => event === 'signalling.closed') ? true : undefined));
  });
});
