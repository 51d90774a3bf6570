import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { explanationSchema, type Status, statusSchema } from '../../../src/control/schemas.js';
import type { AgentProcess } from '../agent-process.js';
import type { Host } from '../host.js';
import { Lab } from '../lab.js';
import { poll } from '../poll.js';

const program = fileURLToPath(new URL('../../../dist/cli.js', import.meta.url));

describe('an operator who asks the running agent', () => {
  let lab: Lab;
  let agents: readonly [AgentProcess, AgentProcess];

  /** Runs a command of ratatoskr on a host, against the agent there. @throws LabError with what it says when it fails */
  const ask = (host: Host, ...args: string[]) =>
    host.exec([process.execPath, program, ...args, '--runtime-dir', `${host.insideFolder}/run`]);
  const status = async (host: Host): Promise<Status> => statusSchema.parse(JSON.parse(await ask(host, 'status', '--json')));
  const untilBridged = (host: Host) => poll('a bridge', async () => (await status(host)).peers.find(({ bridge }) => bridge));

  beforeAll(async () => {
    lab = await Lab.create({ a: 'prc', b: 'cgnat', links: { a: 5, b: 5, p: 20 } });
    agents = [lab.a.agent(), lab.b.agent()];
    await Promise.all(agents.map((agent) => agent.event('signalling.listening')));
    await lab.settled();
  });
  afterAll(() => lab?.close());

  it('is told that there are no peers yet, and where they come from', async () => {
    expect(await ask(lab.a, 'status')).toContain('peers    none yet: they come with sessions');
  });

  it('sees the bridge with its peer and what it is worth, at both ends', async () => {
    await lab.a.ping(lab.b.router.address, { count: 2 });
    for (const [host, other] of [
      [lab.a, lab.b],
      [lab.b, lab.a],
    ] as const) {
      const peer = await untilBridged(host);
      expect(peer).toMatchObject({ key: other.router.key, session: true, bridge: { kind: 'direct', relay: null } });
      expect(peer.bridge?.rttMs).toBeLessThan(peer.bridge?.overlayRttMs ?? 0);
      expect(await ask(host, 'status')).toContain(`${other.router.address}  direct, by `);
    }
  });

  it('pings the peer’s agent over the direct path', async () => {
    expect(await ask(lab.a, 'ping', lab.b.router.address)).toMatch(/: \d+(\.\d)? ms, direct, by /);
  });

  it('reads what was tried, attempt by attempt', async () => {
    const explanation = explanationSchema.parse(JSON.parse(await ask(lab.a, 'explain', lab.b.router.address, '--json')));
    expect(explanation.attempts.some(({ outcome }) => outcome === 'bridge')).toBe(true);
    expect(await ask(lab.a, 'explain', lab.b.router.key)).toContain('attempts, from ');
  });

  it('keeps away from the peer, whatever traffic there is, once told to', async () => {
    const { address, key } = lab.b.router;
    expect(await ask(lab.a, 'unbridge', address)).toContain(`${address}: left to the overlay`);
    await poll('no bridge', async () => (await status(lab.a)).peers.every(({ bridge }) => !bridge) || undefined);
    const began = agents[0].events.length;
    await lab.a.ping(address, { count: 3 });
    const since = agents[0].events.slice(began).filter((line) => line.event === 'attempt.started');
    expect(since).toEqual([]);
    expect(await ask(lab.a, 'peers')).toMatch(new RegExp(`^${address} +overlay`, 'm'));
    expect(key).toHaveLength(64);
  });

  it.skipIf(process.getuid?.() !== 0)('lets nobody else change anything, even who may open the socket', async () => {
    const folder = `${lab.a.insideFolder}/run`;
    await lab.a.exec(['chmod', '755', lab.a.insideFolder, folder]);
    await lab.a.exec(['chmod', '666', `${folder}/control.sock`]);
    const call = (method: string, path: string) =>
      `require('node:http').request({socketPath:'${folder}/control.sock',method:'${method}',path:'${path}'},(r)=>r.pipe(process.stdout)).end()`;
    const asNobody = (method: string, path: string) =>
      lab.a.exec(['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, '-e', call(method, path)]);
    expect(await asNobody('GET', '/v1/status')).toContain('"schemaVersion":1');
    expect(await asNobody('POST', `/v1/peers/${lab.b.router.key}/bridge`)).toContain('CONTROL_FORBIDDEN');
  });

  it('bridges a peer on demand, without any traffic', async () => {
    const said = agents[0].events.at(-1);
    expect(await ask(lab.a, 'bridge', lab.b.router.key)).toContain('the agent meets it now');
    await agents[0].event('bridge.up', said ? { after: said } : {});
    const peer = await untilBridged(lab.a);
    expect(peer.foundBy).toEqual(['operator']);
    const [, row] = (await ask(lab.a, 'peers')).split('\n');
    expect(row).toMatch(new RegExp(`^${lab.b.router.address} +direct +`));
  });

  it('is told what has gone over the bridge', async () => {
    await lab.a.ping(lab.b.router.address, { count: 2 });
    const traffic = await poll('traffic', async () => {
      const bridge = (await status(lab.a)).peers.find((peer) => peer.bridge)?.bridge;
      return bridge && bridge.bytesIn > 0 && bridge.bytesOut > 0 && bridge.rttNowMs !== null ? bridge : undefined;
    });
    expect(traffic.rttNowMs).toBeGreaterThan(0);
  });

  it('can report a bug without giving anybody away', async () => {
    const report = await ask(lab.a, 'bugreport');
    const ours = [lab.a, lab.b].flatMap(({ router: { key, address } }) => [key, key.slice(0, 16), address, address.slice(4, 14)]);
    expect(ours.filter((secret) => report.includes(secret))).toEqual([]);
    expect(report).not.toMatch(/20\.0\.\d+\.\d+/);
    expect(report).toContain('node-2');
    expect(report).toContain('"event":"bridge.up"');
  });

  it('is refused by name for a peer that the agent does not know', async () => {
    await expect(ask(lab.a, 'explain', '200::1')).rejects.toThrow(/PEER_UNKNOWN[\s\S]*→ Send it something/);
  });

  it('fails to ping while there is no direct path', async () => {
    await agents[1].kill9();
    await poll('no bridge', async () => (await status(lab.a)).peers.every(({ bridge }) => !bridge) || undefined);
    await expect(ask(lab.a, 'ping', lab.b.router.address)).rejects.toThrow();
  });

  it('learns that no agent runs once it was killed, and finds the next one in its place', async () => {
    await agents[0].kill9();
    await expect(ask(lab.a, 'status')).rejects.toThrow('No agent answers at');
    await lab.a.agent().event('router.connected');
    expect((await status(lab.a)).router.state).toBe('connected');
  });
});
