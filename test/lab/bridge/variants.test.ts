import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, type TestContext } from 'vitest';
import type { AgentOptions, AgentProcess, EventWait } from '../agent-process.js';
import type { Host } from '../host.js';
import { Lab, type LabOptions } from '../lab.js';
import { ownedBy } from '../owned-by.js';
import { poll } from '../poll.js';

function network(test: TestContext, options: LabOptions = {}): Promise<Lab> {
  return ownedBy(test, Lab.create({ a: 'prc', b: 'prc', controlling: 'a', ...options }));
}

function withConfig(host: Host, text: string): AgentOptions {
  writeFileSync(join(host.folder, 'agent.conf'), text);
  return { args: ['--config', `${host.insideFolder}/agent.conf`] };
}

async function start(lab: Lab, optionsA: AgentOptions = {}, optionsB: AgentOptions = {}): Promise<[AgentProcess, AgentProcess]> {
  const agents: [AgentProcess, AgentProcess] = [lab.a.agent(optionsA), lab.b.agent(optionsB)];
  await Promise.all(agents.map((agent) => agent.event('signalling.listening')));
  await lab.settled();
  return agents;
}

/** Not about agents that may run beside the public peers. */
function about(host: Host): EventWait<'signalling.failed'> {
  return { where: ({ remote }) => remote === host.router.address };
}

describe.concurrent('an agent', () => {
  it('bridges without the native addon, and says what is lost', async (test) => {
    const lab = await network(test);
    const env = { RATATOSKR_NATIVE: 'off' };
    const [a, b] = await start(lab, { env }, { env });
    expect((await a.event('platform.limited')).missing).toContain('port');
    const ping = lab.a.pingStream(lab.b.router.address);
    await Promise.all([a.event('bridge.up'), b.event('bridge.up')]);
    await ping.stop();
  });

  it('bridges with an end that has the addon when it has none', async (test) => {
    const lab = await network(test);
    const [a, b] = await start(lab, { env: { RATATOSKR_NATIVE: 'off' } });
    const ping = lab.a.pingStream(lab.b.router.address);
    await Promise.all([a.event('bridge.up'), b.event('bridge.up')]);
    await ping.stop();
  });

  it('reaches the router over TCP on loopback where the config says so', async (test) => {
    const lab = await network(test);
    const [a] = await start(lab, withConfig(lab.a, '{ bridge: { socket: "tcp" } }'));
    const ping = lab.a.pingStream(lab.b.router.address);
    await a.event('bridge.up');
    expect(await a.bridges()).toEqual([expect.stringMatching(/^tcp:\/\/127\.0\.0\.1:\d+\//)]);
    await a.terminate();
    expect(await a.bridges()).toEqual([]);
    await ping.stop();
  });

  it('leaves a peer alone that its allow list does not name, whoever asks', async (test) => {
    const lab = await network(test);
    const [a, b] = await start(lab, withConfig(lab.a, '{ allow: ["200:1234::1"] }'));
    const ping = lab.a.pingStream(lab.b.router.address);
    const refused = await b.event('signalling.failed', about(lab.a));
    expect(refused).toMatchObject({ code: 'PEER_LEFT', message: expect.stringContaining('not permitted') });
    expect((await a.event('signalling.failed', about(lab.b))).code).toBe('SIGNALLING_NOT_ALLOWED');
    expect(await a.bridges()).toEqual([]);
    await ping.stop();
  });

  it('bridges a peer that is permitted from now on when the config is read again', async (test) => {
    const lab = await network(test);
    const [a, b] = await start(lab, withConfig(lab.a, `{ deny: ["${lab.b.router.key}"] }`));
    const ping = lab.a.pingStream(lab.b.router.address);
    await b.event('signalling.failed', about(lab.a));
    withConfig(lab.a, '{}');
    await a.signal('SIGHUP');
    await a.event('bridge.up');
    await ping.stop();
  });

  it('takes a bridge down when its peer is no longer permitted', async (test) => {
    const lab = await network(test);
    const [a, b] = await start(lab, withConfig(lab.a, '{}'));
    const ping = lab.a.pingStream(lab.b.router.address);
    await Promise.all([a.event('bridge.up'), b.event('bridge.up')]);
    withConfig(lab.a, `{ deny: ["${lab.b.router.key}"] }`);
    await a.signal('SIGHUP');
    await Promise.all([a.event('bridge.down'), b.event('bridge.down')]);
    expect([await a.bridges(), await b.bridges()]).toEqual([[], []]);
    await ping.stop();
  });

  it('keeps its configuration and its bridge when the new file is no good', async (test) => {
    const lab = await network(test);
    const [a] = await start(lab, withConfig(lab.a, '{}'));
    const ping = lab.a.pingStream(lab.b.router.address);
    await a.event('bridge.up');
    const before = await a.bridges();
    withConfig(lab.a, '{ strategis: [] }');
    await a.signal('SIGHUP');
    await poll('the complaint', () => (a.tail(30).includes('CONFIG_INVALID') ? true : undefined));
    expect(await a.bridges()).toEqual(before);
    await ping.stop();
  });

  it('waits for traffic above the threshold', async (test) => {
    const lab = await network(test);
    const [a, b] = await start(lab, withConfig(lab.a, '{ sessions: { minTraffic: 20000 } }'));
    const slow = lab.a.pingStream(lab.b.router.address, { intervalMs: 500 });
    await Promise.all([a.event('signalling.connected'), b.event('signalling.connected')]);
    await poll('ten pings', () => (slow.replies.length >= 10 ? true : undefined));
    expect(a.events.some(({ event }) => event === 'attempt.started')).toBe(false);
    const fast = lab.a.pingStream(lab.b.router.address, { intervalMs: 2 });
    await a.event('bridge.up');
    await Promise.all([slow.stop(), fast.stop()]);
  });

  it('does nothing for a peer that its router is peered with anyway', async (test) => {
    const lab = await network(test, { a: 'public' });
    await lab.b.router.admin('addpeer', { uri: `tcp://${lab.a.address}:7002` });
    await lab.b.router.connected(2);
    const [a, b] = await start(lab);
    await lab.a.ping(lab.b.router.address, { count: 15 });
    expect([...a.events, ...b.events].some(({ event }) => event === 'bridge.up')).toBe(false);
    expect([...a.events, ...b.events].some(({ event }) => event === 'attempt.started')).toBe(false);
  });
});
