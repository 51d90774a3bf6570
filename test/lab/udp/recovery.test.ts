import { describe, expect, it, type TestContext } from 'vitest';
import { Crossing } from '../crossing.js';
import { ownedBy } from '../owned-by.js';
import type { PingStream } from '../ping.js';
import { directRttMs, links } from '../round-trips.js';

const agent = { args: ['--strategies', 'udp-hole-punching'] };
/** How long direct traffic may be away after a change. */
const recoveryMs = 5000;

/** A bridge between two port-restricted NATs, with traffic under way. */
async function bridged(test: TestContext): Promise<{ crossing: Crossing; ping: PingStream }> {
  const crossing = await ownedBy(test, Crossing.prepare({ a: 'prc', b: 'prc', links, agent }));
  const { lab, agents } = crossing;
  const ping = lab.a.pingStream(lab.b.router.address, { intervalMs: 100 });
  await Promise.all([agents.a.event('bridge.up'), agents.b.event('bridge.up')]);
  await ping.reply(({ rttMs }) => rttMs < directRttMs);
  return { crossing, ping };
}

/** @returns milliseconds until a request that was sent after the change came back the direct way */
async function directAgain(ping: PingStream, changedAt: number): Promise<number> {
  // ping reads the clock when it prints, which may be somewhat later.
  const after = changedAt + 250;
  const { time, rttMs } = await ping.reply((reply) => reply.time - reply.rttMs > after && reply.rttMs < directRttMs, {
    timeoutMs: 30_000,
  });
  return time - rttMs - changedAt;
}

describe('agents that may use UDP alone are direct again within five seconds', () => {
  it.concurrent('when a NAT has forgotten their mapping and takes another port', async (test) => {
    const { crossing, ping } = await bridged(test);
    const router = crossing.lab.node('ra');
    await router.exec(['nft', 'insert rule inet lab postrouting oifname "wan" meta l4proto udp masquerade to :41000-42000']);
    // Not what it knows of TCP: the routers' own peerings would be away for as long as TCP has backed off, up to seconds.
    await router.exec(['conntrack', '-D', '-p', 'udp']);
    expect(await directAgain(ping, Date.now())).toBeLessThan(recoveryMs);
    expect(await crossing.end()).toEqual([]);
  });

  it.concurrent('when a host sends from another address', async (test) => {
    const { crossing, ping } = await bridged(test);
    const move = 'ip addr add 192.168.1.77/24 dev wan && ip route replace default via 192.168.1.1 src 192.168.1.77';
    await crossing.lab.a.exec(['sh', '-c', move]);
    expect(await directAgain(ping, Date.now())).toBeLessThan(recoveryMs);
    expect(await crossing.end()).toEqual([]);
  });
});

describe('agents whose overlay is gone, too', () => {
  it.concurrent('are direct again after it, when a host has lost its address and its router all peerings', async (test) => {
    const { crossing, ping } = await bridged(test);
    const move =
      'ip addr del 192.168.1.2/24 dev wan && ip addr add 192.168.1.77/24 dev wan && ip route add default via 192.168.1.1';
    await crossing.lab.a.exec(['sh', '-c', move]);
    const changedAt = Date.now();
    // Nobody behind a port-restricted NAT can be found anew without the overlay, and the router takes 8 s to dial.
    const { time } = await ping.reply((reply) => reply.time - reply.rttMs > changedAt, { timeoutMs: 30_000 });
    // As long again, for TCP doubles its pauses while nothing gets through: the agents' link comes back that much later.
    expect(await directAgain(ping, time)).toBeLessThan(10_000);
    expect(await crossing.end()).toEqual([]);
  });
});
