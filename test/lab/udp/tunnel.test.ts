import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { AgentOptions, AgentProcess } from '../agent-process.js';
import type { Host } from '../host.js';
import { Lab } from '../lab.js';
import type { NatKindName } from '../nat-kinds.js';
import type { PingStream } from '../ping.js';
import { directRttMs, links, overlayRttMs } from '../round-trips.js';

/** How long direct traffic may be away after a change, in milliseconds. */
const recoveryMs = 5000;

let lab: Lab | undefined;
afterEach(async () => {
  await lab?.close();
  lab = undefined;
});

function options(host: Host, strategyOptions: object): AgentOptions {
  const strategies = [{ use: 'udp-hole-punching', options: strategyOptions }];
  writeFileSync(join(host.folder, 'agent.conf'), JSON.stringify({ strategies }));
  return { args: ['--config', `${host.insideFolder}/agent.conf`] };
}

interface Bridged {
  readonly lab: Lab;
  readonly agents: readonly [AgentProcess, AgentProcess];
  readonly ping: PingStream;
  readonly carriers: readonly (string | undefined)[];
}

const tunnel = { carriers: ['tunnel', 'udx'] };

async function bridged(a: object = tunnel, b: object = tunnel, natA: NatKindName = 'prc'): Promise<Bridged> {
  const opened = await Lab.create({ a: natA, b: 'prc', links });
  lab = opened;
  const agents = [opened.a.agent(options(opened.a, a)), opened.b.agent(options(opened.b, b))] as const;
  await Promise.all(agents.map((agent) => agent.event('signalling.listening')));
  await opened.settled();
  const ping = opened.a.pingStream(opened.b.router.address, { intervalMs: 100 });
  const ups = await Promise.all(agents.map((agent) => agent.event('bridge.up')));
  await ping.reply(({ rttMs }) => rttMs < directRttMs);
  return { lab: opened, agents, ping, carriers: ups.map(({ carrier }) => carrier) };
}

async function interfaces(host: Host): Promise<string> {
  return await host.exec(['sh', '-c', 'ls /sys/class/net']);
}

async function directAgain(ping: PingStream, changedAt: number): Promise<number> {
  const after = changedAt + 250;
  const { time, rttMs } = await ping.reply((reply) => reply.time - reply.rttMs > after && reply.rttMs < directRttMs);
  return time - rttMs - changedAt;
}

describe('a path by UDP with the carrier tunnel', () => {
  it('carries the routers without losing a ping, is not to be seen, and ends clean', async () => {
    const { lab, agents, ping, carriers } = await bridged();
    expect(carriers).toEqual(['tunnel', 'tunnel']);
    await delay(2000);
    expect(ping.lost).toBe(0);
    expect(await interfaces(lab.a)).not.toContain('tunnel');
    const [gone, left] = agents;
    expect(await gone.terminate()).toEqual({ code: 0, signal: null });
    await left.event('bridge.down');
    const endedAt = Date.now();
    await ping.reply(({ rttMs, time }) => rttMs > overlayRttMs && time > endedAt);
  });

  it('leaves nothing behind after kill -9, and comes again', async () => {
    const { lab, agents } = await bridged();
    const before = await interfaces(lab.a);
    await agents[0].kill9();
    await agents[1].event('bridge.down');
    expect(await interfaces(lab.a)).toBe(before);
    const again = lab.a.agent(options(lab.a, tunnel));
    const up = await again.event('bridge.up', { timeoutMs: 60_000 });
    expect(up.carrier).toBe('tunnel');
  });

  it('is one of udx where only one end has enabled tunnels', async () => {
    const { carriers } = await bridged(tunnel, { carriers: ['udx'] });
    expect(carriers).toEqual(['udx', 'udx']);
  });

  it('is sealed where one end asks for it', async () => {
    const { carriers, ping } = await bridged({ ...tunnel, seal: true });
    expect(carriers).toEqual(['tunnel', 'tunnel']);
    await delay(1000);
    expect(ping.lost).toBe(0);
  });

  it('comes up where one NAT has a mapping for each destination', async () => {
    const { carriers } = await bridged(tunnel, tunnel, 'sym');
    expect(carriers).toEqual(['tunnel', 'tunnel']);
  });

  it('ends at both ends soon after the line is cut', async () => {
    const { lab, agents } = await bridged();
    await lab.cut();
    const cutAt = Date.now();
    const downs = await Promise.all(agents.map((agent) => agent.event('bridge.down')));
    expect(Math.max(...downs.map(({ time }) => time)) - cutAt).toBeLessThan(recoveryMs);
  });

  it('is direct again soon when a host sends from another address', async () => {
    const { lab, ping } = await bridged();
    const move = 'ip addr add 192.168.1.77/24 dev wan && ip route replace default via 192.168.1.1 src 192.168.1.77';
    await lab.a.exec(['sh', '-c', move]);
    expect(await directAgain(ping, Date.now())).toBeLessThan(recoveryMs);
  });
});
