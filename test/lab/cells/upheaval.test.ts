import { describe, expect, it } from 'vitest';
import { poll } from '../poll.js';
import { directRttMs } from '../round-trips.js';
import { inCell, only } from './cell.js';

describe.concurrent('a bridge comes back by itself', () => {
  it('when the router with its port mapping is switched off and on', async () => {
    await inCell({ a: 'pcp', b: 'sym', agent: only('port-mapping') }, async (crossing) => {
      const { lab, agents } = crossing;
      const ping = lab.a.pingStream(lab.b.router.address, { intervalMs: 100 });
      await agents.a.event('bridge.up');
      await lab.reboot('ra');
      const rebootedAt = Date.now();
      expect(await lab.gateway('ra').mappings()).toEqual([]);
      await ping.reply(({ rttMs, time }) => time > rebootedAt && rttMs < directRttMs, { timeoutMs: 40_000 });
      const mapped = async () => ((await lab.gateway('ra').mappings()).length > 0 ? true : undefined);
      await poll('the mapping is made again', mapped, { timeoutMs: 90_000 });
      await ping.stop();
      expect(await crossing.end()).toEqual([]);
      expect(await lab.gateway('ra').mappings()).toEqual([]);
    });
  });

  it.each(['tcp-hole-punching', 'udp-hole-punching'])('by %s when a host goes over to another network', async (strategy) => {
    await inCell({ a: 'prc', b: 'prc', other: 'prc', agent: only(strategy) }, async (crossing) => {
      const { lab, agents } = crossing;
      const ping = lab.a.pingStream(lab.b.router.address, { intervalMs: 100 });
      await Promise.all([agents.a.event('bridge.up'), agents.b.event('bridge.up')]);
      await ping.reply(({ rttMs }) => rttMs < directRttMs);
      await lab.goOver();
      const wentAt = Date.now();
      await ping.reply(({ rttMs, time }) => time > wentAt && rttMs < directRttMs, { timeoutMs: 40_000 });
      await ping.stop();
      expect(await crossing.end()).toEqual([]);
    });
  });

  it('or not even goes when the host that goes over reaches one that lets anyone in', async () => {
    await inCell({ a: 'prc', b: 'cone', other: 'prc', agent: only('udp-hole-punching') }, async (crossing) => {
      const { lab, agents } = crossing;
      const ping = lab.a.pingStream(lab.b.router.address, { intervalMs: 100 });
      await Promise.all([agents.a.event('bridge.up'), agents.b.event('bridge.up')]);
      await ping.reply(({ rttMs }) => rttMs < directRttMs);
      await lab.goOver();
      await agents.a.event('network.changed');
      const changedAt = Date.now();
      await ping.reply(({ rttMs, time }) => time > changedAt && rttMs < directRttMs);
      for (const { events } of Object.values(agents)) expect(events.some(({ event }) => event === 'bridge.down')).toBe(false);
      await ping.stop();
      expect(await crossing.end()).toEqual([]);
    });
  });
});
