import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { only } from '../cells/cell.js';
import { Lab } from '../lab.js';
import { ownedBy } from '../owned-by.js';
import { directRttMs, links } from '../round-trips.js';

// yggdrasil drops a packet that a later one has overtaken. The bridge takes 40 ms less one way than what is still under way over the public peer.
describe.concurrent('50 packets a second', () => {
  it.for(['tcp-hole-punching', 'udp-hole-punching'])('go over to a path by %s, and not one is lost', async (strategy, test) => {
    const lab = await ownedBy(test, Lab.create({ a: 'prc', b: 'prc', links }));
    const [a, b] = [lab.a.agent(only(strategy)), lab.b.agent(only(strategy))];
    await Promise.all([a.event('router.connected'), b.event('router.connected')]);
    await lab.settled();
    const ping = lab.a.pingStream(lab.b.router.address, { intervalMs: 20 });
    await Promise.all([a.event('bridge.up'), b.event('bridge.up')]);
    await delay(2000);
    expect(ping.replies.at(-1)?.rttMs).toBeLessThan(directRttMs);
    await ping.stop();
    expect(ping.lost).toBe(0);
  });
});
