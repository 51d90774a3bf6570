import { afterEach, expect, it } from 'vitest';
import { Crossing } from '../crossing.js';
import type { Host } from '../host.js';
import type { Lab } from '../lab.js';
import type { NatKindName } from '../nat-kinds.js';
import { poll } from '../poll.js';
import { publicAddresses } from '../topology.js';

const links = { a: 10, b: 10, p: 20 };
const servers = publicAddresses.flatMap((address) => ['--stun', `${address}:3478`]);
const punchingOnly = ['--strategies', 'tcp-hole-punching', ...servers];

let lab: Lab | undefined;
afterEach(async () => {
  await lab?.close();
  lab = undefined;
});

async function prepare(a: NatKindName, b: NatKindName, args: readonly string[] = punchingOnly): Promise<Crossing> {
  const crossing = await Crossing.prepare({ a, b, links, agent: { args } });
  lab = crossing.lab;
  return crossing;
}

it.each([
  ['sym', 'prc'],
  ['prcrst', 'sym'],
  ['sym', 'cone'],
  ['sym', 'public'],
  ['fw', 'sym'],
] as const)('agents behind %s and %s meet over TCP, and leave nothing behind', async (a, b) => {
  const crossing = await prepare(a, b);
  const { kind, strategy } = await crossing.run();
  expect({ kind, strategy }).toEqual({ kind: 'direct', strategy: 'tcp-hole-punching' });
  expect(await crossing.end()).toEqual([]);
});

it('one STUN server is enough to notice random ports', async () => {
  const crossing = await prepare('sym', 'prc', ['--strategies', 'tcp-hole-punching']);
  expect((await crossing.run()).strategy).toBe('tcp-hole-punching');
});

it('agents behind two NATs with random ports say so at once', async () => {
  const { lab, agents } = await prepare('sym', 'sym');
  lab.a.pingStream(lab.b.router.address, { intervalMs: 100 });
  const failures = await Promise.all([agents.a.event('attempt.failed'), agents.b.event('attempt.failed')]);
  for (const [index, agent] of [agents.a, agents.b].entries()) {
    // An end hears it from the other, if that was faster.
    expect([failures[index]?.code, failures[index]?.message].join(' ')).toContain('DOUBLE_RANDOM_NAT');
    const plan = agent.events.find(({ event }) => String(event) === 'punch.plan');
    expect((failures[index]?.time ?? Number.POSITIVE_INFINITY) - (plan?.time ?? 0)).toBeLessThan(1000);
    expect(agent.events.some(({ event }) => String(event) === 'punch.start')).toBe(false);
  }
});

it('an attempt that met nobody leaves no socket', async () => {
  const { lab, agents } = await prepare('sym', 'prc');
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
