import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentOptions, AgentProcess } from '../agent-process.js';
import type { Host } from '../host.js';
import { Lab } from '../lab.js';
import { poll } from '../poll.js';

describe('an agent', () => {
  let lab: Lab;
  beforeEach(async () => {
    lab = await Lab.create({ a: 'prc', b: 'prc', controlling: 'a' });
  });
  afterEach(() => lab?.close());

  function withConfig(host: Host, text: string): AgentOptions {
    writeFileSync(join(host.folder, 'agent.conf'), text);
    return { args: ['--config', `${host.insideFolder}/agent.conf`] };
  }

  async function start(optionsA: AgentOptions = {}, optionsB: AgentOptions = {}): Promise<[AgentProcess, AgentProcess]> {
    const agents: [AgentProcess, AgentProcess] = [lab.a.agent(optionsA), lab.b.agent(optionsB)];
    await Promise.all(agents.map((agent) => agent.event('signalling.listening')));
    await lab.settled();
    return agents;
  }

  it('bridges without the native addon, and says what is lost', async () => {
    const env = { RATATOSKR_NATIVE: 'off' };
    const [a, b] = await start({ env }, { env });
    expect((await a.event('platform.limited')).missing).toContain('port');
    const ping = lab.a.pingStream(lab.b.router.address);
    await Promise.all([a.event('bridge.up'), b.event('bridge.up')]);
    await ping.stop();
  });

  it('bridges with an end that has the addon when it has none', async () => {
    const [a, b] = await start({ env: { RATATOSKR_NATIVE: 'off' } });
    const ping = lab.a.pingStream(lab.b.router.address);
    await Promise.all([a.event('bridge.up'), b.event('bridge.up')]);
    await ping.stop();
  });

  it('reaches the router over TCP on loopback where the config says so', async () => {
    const [a] = await start(withConfig(lab.a, '{ bridge: { socket: "tcp" } }'));
    const ping = lab.a.pingStream(lab.b.router.address);
    await a.event('bridge.up');
    expect(await a.bridges()).toEqual([expect.stringMatching(/^tcp:\/\/127\.0\.0\.1:\d+\//)]);
    await a.terminate();
    expect(await a.bridges()).toEqual([]);
    await ping.stop();
  });

  it('leaves a peer alone that its allow list does not name, whoever asks', async () => {
    const [a, b] = await start(withConfig(lab.a, '{ allow: ["200:1234::1"] }'));
    const ping = lab.a.pingStream(lab.b.router.address);
    const refused = await b.event('signalling.failed');
    expect(refused).toMatchObject({ code: 'PEER_LEFT', message: expect.stringContaining('not permitted') });
    expect((await a.event('signalling.failed')).code).toBe('SIGNALLING_NOT_ALLOWED');
    expect(await a.bridges()).toEqual([]);
    await ping.stop();
  });

  it('bridges a peer that is permitted from now on when the config is read again', async () => {
    const [a, b] = await start(withConfig(lab.a, `{ deny: ["${lab.b.router.key}"] }`));
    const ping = lab.a.pingStream(lab.b.router.address);
    await b.event('signalling.failed');
    withConfig(lab.a, '{}');
    await a.signal('SIGHUP');
    await a.event('bridge.up');
    await ping.stop();
  });

  it('takes a bridge down when its peer is no longer permitted', async () => {
    const [a, b] = await start(withConfig(lab.a, '{}'));
    const ping = lab.a.pingStream(lab.b.router.address);
    await Promise.all([a.event('bridge.up'), b.event('bridge.up')]);
    withConfig(lab.a, `{ deny: ["${lab.b.router.key}"] }`);
    await a.signal('SIGHUP');
    await Promise.all([a.event('bridge.down'), b.event('bridge.down')]);
    expect([await a.bridges(), await b.bridges()]).toEqual([[], []]);
    await ping.stop();
  });

  it('keeps its configuration and its bridge when the new file is no good', async () => {
    const [a] = await start(withConfig(lab.a, '{}'));
    const ping = lab.a.pingStream(lab.b.router.address);
    await a.event('bridge.up');
    const before = await a.bridges();
    withConfig(lab.a, '{ strategis: [] }');
    await a.signal('SIGHUP');
    await poll('the complaint', () => (a.tail(30).includes('CONFIG_INVALID') ? true : undefined));
    expect(await a.bridges()).toEqual(before);
    await ping.stop();
  });

  it('waits for traffic above the threshold', async () => {
    const [a, b] = await start(withConfig(lab.a, '{ sessions: { minTraffic: 20000 } }'));
    const slow = lab.a.pingStream(lab.b.router.address, { intervalMs: 500 });
    await Promise.all([a.event('signalling.connected'), b.event('signalling.connected')]);
    await poll('ten pings', () => (slow.replies.length >= 10 ? true : undefined));
    expect(a.events.some(({ event }) => event === 'attempt.started')).toBe(false);
    const fast = lab.a.pingStream(lab.b.router.address, { intervalMs: 2 });
    await a.event('bridge.up');
    await Promise.all([slow.stop(), fast.stop()]);
  });

  it('does nothing for a peer that its router is peered with anyway', async () => {
    await lab.close();
    lab = await Lab.create({ a: 'public', b: 'prc', controlling: 'a' });
    await lab.b.router.admin('addpeer', { uri: `tcp://${lab.a.address}:7002` });
    await lab.b.router.connected(2);
    const [a, b] = await start();
    await lab.a.ping(lab.b.router.address, { count: 15 });
    expect([...a.events, ...b.events].some(({ event }) => event === 'bridge.up')).toBe(false);
    expect([...a.events, ...b.events].some(({ event }) => event === 'attempt.started')).toBe(false);
  });
});

describe('a peer without an agent', () => {
  it('is asked again only while there is traffic, and its session ends in its own time', { timeout: 240_000 }, async () => {
    const lab = await Lab.create({ a: 'public', b: 'public' });
    try {
      const a = lab.a.agent();
      await a.event('signalling.listening');
      await lab.settled();
      await lab.a.ping(lab.b.router.address, { count: 20 });
      expect((await a.event('signalling.failed')).code).toBe('SIGNALLING_UNREACHABLE');
      const failures = () => a.events.filter(({ event }) => event === 'signalling.failed').length;
      const whileBusy = failures();
      expect(whileBusy).toBeGreaterThan(1);
      await a.event('session.ended', { timeoutMs: 100_000 });
      await poll('no session', async () => ((await lab.a.router.sessions()).length === 0 ? true : undefined), {
        timeoutMs: 90_000,
      });
      // The pings that were on their way count once more, and those that the last poll had not seen.
      expect(failures() - whileBusy).toBeLessThanOrEqual(2);
    } finally {
      await lab.close();
    }
  });
});
