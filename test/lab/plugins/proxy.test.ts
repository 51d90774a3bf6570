import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, type TestContext } from 'vitest';
import type { Failure } from '../../../src/core/events.js';
import type { AgentProcess } from '../agent-process.js';
import type { Host } from '../host.js';
import { Lab, type LabOptions } from '../lab.js';
import { ownedBy } from '../owned-by.js';
import { poll } from '../poll.js';
import { publicAddresses, thirdAddress } from '../topology.js';

const links = { a: 10, b: 10, c: 5, p: 20 };
const secret = 'nuts-for-the-proxy';
/** Ports of the proxies on the third host. */
const ports = { socks: 1080, http: 8888 };

/** Where host a has nothing but the third host's proxy: its router is peered through it, and all else is dropped on the way out. */
async function confined(test: TestContext, options: LabOptions, start: (host: Host) => Promise<string>): Promise<Lab> {
  const lab = await ownedBy(test, Lab.create({ a: 'prc', third: true, links, ...options }));
  const { a } = lab;
  const user = await start(lab.c);
  const [peer] = publicAddresses;
  await a.router.admin('addpeer', { uri: `socks://${user}${thirdAddress}:${ports.socks}/${peer}:5000` });
  await a.router.connected(2);
  await a.router.admin('removepeer', { uri: `tcp://${peer}:5000` });
  const allowed = `ip daddr ${thirdAddress} tcp dport { ${ports.socks}, ${ports.http} }`;
  const rules = [`iifname "lan" drop`, `iifname "lan" ${allowed} accept`];
  await lab.node('ra').exec(['nft', '-f', '-'], {
    input: rules.map((rule) => `insert rule inet lab forward ${rule}\n`).join(''),
  });
  expect(await a.exec(['sh', '-c', `ping -c 1 -W 1 ${peer} >/dev/null || echo unreachable`])).toBe('unreachable\n');
  return lab;
}

async function listens(host: Host, port: number): Promise<void> {
  await poll(`port ${port} is open`, async () => (await host.exec(['ss', '-ltnH'])).includes(`:${port} `) || undefined);
}

/** A SOCKS5 proxy with a password; it knows no BIND. @returns the user part of its URI */
async function microsocks(host: Host): Promise<string> {
  host.spawn(['microsocks', '-i', '0.0.0.0', '-p', String(ports.socks), '-u', 'lab', '-P', secret]);
  await listens(host, ports.socks);
  return `lab:${secret}@`;
}

/** An HTTP proxy with a password that makes connections to port 443 alone. */
async function tinyproxy(host: Host): Promise<void> {
  const settings = [`Port ${ports.http}`, 'Timeout 600', 'MaxClients 20', `BasicAuth lab ${secret}`, 'ConnectPort 443'];
  writeFileSync(join(host.folder, 'tinyproxy.conf'), `${settings.join('\n')}\n`);
  host.spawn(['tinyproxy', '-d', '-c', `${host.insideFolder}/tinyproxy.conf`]);
  await listens(host, ports.http);
}

/** A SOCKS5 proxy without a password that takes connections as well. */
async function danted(host: Host): Promise<string> {
  const any = 'from: 0.0.0.0/0 to: 0.0.0.0/0';
  const settings = [
    'logoutput: stderr',
    `internal: 0.0.0.0 port = ${ports.socks}`,
    'external: wan',
    'clientmethod: none',
    'socksmethod: none',
    'user.privileged: root',
    'user.unprivileged: root',
    `client pass { ${any} }`,
    `socks pass { ${any} command: connect bind bindreply }`,
  ];
  writeFileSync(join(host.folder, 'danted.conf'), `${settings.join('\n')}\n`);
  host.spawn(['danted', '-f', `${host.insideFolder}/danted.conf`, '-p', `${host.insideFolder}/danted.pid`]);
  await listens(host, ports.socks);
  return '';
}

function agentOf(host: Host, options: object): AgentProcess {
  writeFileSync(
    join(host.folder, 'proxy.conf'),
    JSON.stringify({ strategies: [{ use: 'ratatoskr-strategy-proxy', options }], log: { level: 'debug' } }),
  );
  return host.agent({ args: ['--config', `${host.insideFolder}/proxy.conf`], env: { RATATOSKR_PROXY_SECRET: secret } });
}

async function agentsOf(lab: Lab, options: { readonly a: object; readonly b: object }): Promise<[AgentProcess, AgentProcess]> {
  const agents: [AgentProcess, AgentProcess] = [agentOf(lab.a, options.a), agentOf(lab.b, options.b)];
  await Promise.all(agents.map((agent) => agent.event('signalling.listening')));
  await lab.settled();
  return agents;
}

/** @returns both ends' bridges. */
async function bridge({ a, b }: Lab, [agentA, agentB]: readonly [AgentProcess, AgentProcess]) {
  const ping = a.pingStream(b.router.address, { intervalMs: 100 });
  const up = await Promise.all([
    agentA.event('bridge.up', { timeoutMs: 60_000 }),
    agentB.event('bridge.up', { timeoutMs: 60_000 }),
  ]);
  await ping.stop();
  // 140 ms over the public peer, 60 ms through the proxy to the other host.
  await poll('traffic takes the bridge', async () => {
    const { rttsMs } = await a.ping(b.router.address);
    return Math.min(...rttsMs) < 120 || undefined;
  });
  expect([(await agentA.terminate()).code, (await agentB.terminate()).code]).toEqual([0, 0]);
  return up;
}

describe.concurrent('a host', () => {
  it('that has a SOCKS5 proxy and nothing else bridges with one that listens', async (test) => {
    const world = await confined(test, { b: 'public' }, microsocks);
    const agents = await agentsOf(world, {
      a: { proxy: `socks5://lab@${thirdAddress}:${ports.socks}` },
      b: { listen: { port: 4704 } },
    });
    const [a, b] = await bridge(world, agents);
    expect(a).toMatchObject({ strategy: 'proxy', kind: 'relayed', remote: `${thirdAddress}:${ports.socks}` });
    expect(b).toMatchObject({ strategy: 'proxy', kind: 'relayed', remote: expect.stringContaining(`${thirdAddress}:`) });
    for (const agent of agents) expect(JSON.stringify(agent.events)).not.toContain(secret);
  });

  it('that has an HTTP proxy to port 443 and nothing else bridges with one that listens there', async (test) => {
    const world = await confined(test, { b: 'public' }, async (host) => {
      await tinyproxy(host);
      return microsocks(host);
    });
    const agents = await agentsOf(world, {
      a: { proxy: `http://lab@${thirdAddress}:${ports.http}` },
      b: { listen: { port: 443 } },
    });
    const [a] = await bridge(world, agents);
    expect(a).toMatchObject({ strategy: 'proxy', kind: 'relayed', remote: `${thirdAddress}:${ports.http}` });
    for (const agent of agents) expect(JSON.stringify(agent.events)).not.toContain(secret);
  });

  it('that cannot reach its peer either has a SOCKS5 proxy with BIND take the connection', async (test) => {
    const world = await confined(test, { b: 'sym' }, danted);
    const agents = await agentsOf(world, { a: { proxy: `socks5://${thirdAddress}:${ports.socks}` }, b: {} });
    const [, b] = await bridge(world, agents);
    expect(b).toMatchObject({ strategy: 'proxy', kind: 'relayed', remote: expect.stringContaining(`${thirdAddress}:`) });
  });

  it('that cannot reach its peer either is told so where the proxy knows no BIND', async (test) => {
    const world = await confined(test, { b: 'sym' }, microsocks);
    const [a] = await agentsOf(world, { a: { proxy: `socks5://lab@${thirdAddress}:${ports.socks}` }, b: {} });
    const ping = world.a.pingStream(world.b.router.address, { intervalMs: 100 });
    const failure: Failure = await a.event('attempt.failed', { where: ({ code }) => code === 'STRATEGY_NO_PATH' });
    await ping.stop();
    expect(failure.message).toMatch(/^Neither end can be reached.*BIND: The proxy refused: command not supported/);
  });
});
