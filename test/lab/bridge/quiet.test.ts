import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { AgentProcess } from '../agent-process.js';
import { inCell, only } from '../cells/cell.js';
import type { Host } from '../host.js';
import { Lab } from '../lab.js';
import { ownedBy } from '../owned-by.js';
import { poll } from '../poll.js';
import { directRttMs } from '../round-trips.js';

/** Where among an agent's events it said that of its session with a host, which is not the only one. */
function saidOf({ router }: Host, { events }: AgentProcess, name: 'session.seen' | 'session.ended'): readonly number[] {
  return events.flatMap((line, index) => (line.event === name && line.peer.key === router.key ? index : []));
}

/** External ports of a's NAT that lead to an endpoint. */
async function mappedPorts(lab: Lab, endpoint: string): Promise<readonly string[]> {
  const [address, port] = endpoint.split(':');
  const flows = await lab.node('ra').exec(['conntrack', '-L', '-p', 'udp', '-d', `${address}`, '--dport', `${port}`]);
  return [...flows.matchAll(/src=[\d.]+ dst=20\.0\.1\.2 sport=\d+ dport=(\d+)/g)].map(([, mapped = '']) => mapped);
}

// Routers keep a session for a minute after its last traffic, and nothing makes that shorter: all of these wait at the same time.
describe.concurrent('when nothing goes on', { timeout: 240_000 }, () => {
  it('a session takes its bridge with it, and the agents’ own traffic does not bring it back', async (test) => {
    const lab = await ownedBy(test, Lab.create({ a: 'public', b: 'prc' }));
    const [a, b] = [lab.a.agent(), lab.b.agent()];
    const ends = [
      [a, lab.b],
      [b, lab.a],
    ] as const;
    const hasEnded = ([agent, other]: (typeof ends)[number]) => saidOf(other, agent, 'session.ended').length > 0;
    await Promise.all([a.event('signalling.listening'), b.event('signalling.listening')]);
    await lab.settled();
    await lab.a.ping(lab.b.router.address, { count: 2 });
    await Promise.all([a.event('bridge.up'), b.event('bridge.up')]);
    // A session ends 60 s after its last traffic. A better bridge may have replaced the first by then.
    await poll('an end that has noticed', () => ends.some(hasEnded) || undefined, { timeoutMs: 100_000, intervalMs: 100 });
    await poll('no bridge', async () => [...(await a.bridges()), ...(await b.bridges())].length === 0 || undefined);
    // The reset of the link may be what the other end's session lives another minute of, but no more than that.
    await poll(
      'both routers have no session',
      async () => {
        const sessions = [...(await lab.a.router.sessions()), ...(await lab.b.router.sessions())];
        return sessions.length === 0 ? true : undefined;
      },
      { timeoutMs: 100_000, intervalMs: 500 },
    );
    await poll('both ends have noticed', () => ends.every(hasEnded) || undefined);
    for (const [agent, other] of ends) {
      expect(saidOf(other, agent, 'session.seen')).toHaveLength(1);
      const [ended] = saidOf(other, agent, 'session.ended');
      expect(agent.events.slice(ended).some(({ event }) => event === 'bridge.up')).toBe(false);
    }
  });

  it('a peer without an agent is asked again only while there is traffic, and its session ends in its own time', async (test) => {
    const lab = await ownedBy(test, Lab.create({ a: 'public', b: 'public' }));
    const a = lab.a.agent();
    await a.event('signalling.listening');
    await lab.settled();
    const { address, key } = lab.b.router;
    const where = ({ remote }: { readonly remote: string }) => remote === address;
    const failures = () => a.events.filter((line) => line.event === 'signalling.failed' && where(line)).length;
    const ping = lab.a.pingStream(address);
    expect((await a.event('signalling.failed', { where })).code).toBe('SIGNALLING_UNREACHABLE');
    await poll('asked again', () => failures() > 1 || undefined, { timeoutMs: 30_000 });
    await ping.stop();
    const whileBusy = failures();
    await a.event('session.ended', { timeoutMs: 100_000, where: ({ peer }) => peer.key === key });
    await poll('no session', async () => ((await lab.a.router.sessions()).length === 0 ? true : undefined), {
      timeoutMs: 90_000,
      intervalMs: 500,
    });
    // The pings that were on their way count once more, and those that the last poll had not seen.
    expect(failures() - whileBusy).toBeLessThanOrEqual(2);
  });

  it('a silent bridge keeps NATs from forgetting its mappings, which they do after 20 s', () =>
    inCell({ a: 'brief', b: 'brief', agent: only('udp-hole-punching') }, async (crossing) => {
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
    }));
});
