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
    lab = await Lab.create({ a: 'prc', b: 'cgnat' });
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
