import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Lab } from '../lab.js';
import { directRttMs, inCell, only } from './cell.js';

it('a silent bridge keeps NATs from forgetting its mappings, which they do after 20 s', async () => {
  await inCell({ a: 'brief', b: 'brief', agent: only('udp-hole-punching') }, async (crossing) => {
    const { ends } = await crossing.run();
    const { lab, agents } = crossing;
    const before = await mappedPorts(lab, ends.a.remote);
    expect(before).toHaveLength(1);
    // More than two lifetimes, and less than the minute after which routers end a session that carries nothing.
    await delay(45_000);
    expect(await mappedPorts(lab, ends.a.remote)).toEqual(before);
    for (const { events } of Object.values(agents)) expect(events.some(({ event }) => event === 'bridge.down')).toBe(false);
    const { rttsMs } = await lab.a.ping(lab.b.router.address, { count: 1 });
    expect(rttsMs[0]).toBeLessThan(directRttMs);
    expect(await crossing.end()).toEqual([]);
  });
});

/** External ports of a's NAT that lead to an endpoint. */
async function mappedPorts(lab: Lab, endpoint: string): Promise<readonly string[]> {
  const [address, port] = endpoint.split(':');
  const flows = await lab.node('ra').exec(['conntrack', '-L', '-p', 'udp', '-d', `${address}`, '--dport', `${port}`]);
  return [...flows.matchAll(/src=[\d.]+ dst=20\.0\.1\.2 sport=\d+ dport=(\d+)/g)].map(([, mapped = '']) => mapped);
}
