import { describe, expect, it, type TestContext } from 'vitest';
import { Crossing } from '../crossing.js';
import type { Host } from '../host.js';
import type { NatKindName } from '../nat-kinds.js';
import { ownedBy } from '../owned-by.js';
import { poll } from '../poll.js';
import { links } from '../round-trips.js';
import { publicAddresses } from '../topology.js';

const servers = publicAddresses.flatMap((address) => ['--stun', `${address}:3478`]);
const punchingOnly = ['--strategies', 'tcp-hole-punching', ...servers];

function prepare(test: TestContext, a: NatKindName, b: NatKindName, args: readonly string[] = punchingOnly): Promise<Crossing> {
  return ownedBy(test, Crossing.prepare({ a, b, links, agent: { args } }));
}

describe.concurrent('agents that may use TCP alone', () => {
  it.for([
    ['sym', 'prc'],
    ['prcrst', 'sym'],
    ['sym', 'cone'],
    ['sym', 'public'],
    ['fw', 'sym'],
  ] as const)('behind %s and %s meet over TCP, and leave nothing behind', async ([a, b], test) => {
    const crossing = await prepare(test, a, b);
    const { kind, strategy } = await crossing.run();
    expect({ kind, strategy }).toEqual({ kind: 'direct', strategy: 'tcp-hole-punching' });
    expect(await crossing.end()).toEqual([]);
  });

  it('notice random ports with one STUN server', async (test) => {
    const crossing = await prepare(test, 'sym', 'prc', ['--strategies', 'tcp-hole-punching']);
    expect((await crossing.run()).strategy).toBe('tcp-hole-punching');
  });

  it('behind two NATs with random ports say so at once', async (test) => {
    const { lab, agents } = await prepare(test, 'sym', 'sym');
    lab.a.pingStream(lab.b.router.address, { intervalMs: 100 });
    const both = [agents.a, agents.b];
    const failures = await Promise.all(both.map((agent) => agent.event('attempt.failed')));
    const plans = both.map(({ events }) => events.find(({ event }) => String(event) === 'punch.plan'));
    // An end hears it from the other, if that was faster, and then may have come to no plan itself.
    for (const { code, message } of failures) expect([code, message].join(' ')).toContain('DOUBLE_RANDOM_NAT');
    expect(plans).not.toEqual([undefined, undefined]);
    for (const [index, plan] of plans.entries()) {
      if (plan) expect((failures[index]?.time ?? Number.POSITIVE_INFINITY) - plan.time).toBeLessThan(1000);
    }
    for (const { events } of both) expect(events.some(({ event }) => String(event) === 'punch.start')).toBe(false);
  });

  it('keep no socket of an attempt that met nobody', async (test) => {
    const { lab, agents } = await prepare(test, 'sym', 'prc');
    await lab.cut();
    lab.a.pingStream(lab.b.router.address, { intervalMs: 100 });
    await Promise.all([agents.a.event('signalling.connected'), agents.b.event('signalling.connected')]);
    const before = await descriptors(lab.a);
    const most = await poll('many connections', async () => {
      const now = await descriptors(lab.a);
      return now > before + 200 ? now : undefined;
    });
    expect(most).toBeLessThan(before + 320);
    const failures = await Promise.all([agents.a.event('attempt.failed'), agents.b.event('attempt.failed')]);
    // Whose time is up first ends it for the other.
    expect(failures.map(({ code }) => code)).toContain('PUNCH_TIMEOUT');
    expect(await descriptors(lab.a)).toBeLessThan(before + 20);
    expect(await descriptors(lab.b)).toBeLessThan(before + 20);
  });
});

/** Open files of the agent on a host. */
async function descriptors(host: Host): Promise<number> {
  const script = `
    here=$(readlink /proc/self/ns/net)
    for each in /proc/[0-9]*; do
      [ "$(readlink $each/ns/net)" = "$here" ] && tr '\\0' ' ' < $each/cmdline | grep -q 'cli.js run' && ls $each/fd | wc -l
    done
    true`;
  return Number((await host.exec(['sh', '-c', script])).trim().split('\n')[0]);
}
