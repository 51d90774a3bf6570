import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, type TestContext } from 'vitest';
import type { AgentProcess } from '../agent-process.js';
import type { Host } from '../host.js';
import { Lab } from '../lab.js';
import { ownedBy } from '../owned-by.js';
import { poll } from '../poll.js';
import { withRouter } from '../with-router.js';

const relayOnly = ['--strategies', 'relay', '--relay', 'always'];

interface Volunteered {
  readonly made: Lab;
  readonly a: AgentProcess;
  readonly b: AgentProcess;
  readonly volunteer: AgentProcess;
  /** Starts the volunteer's agent anew. */
  again(): AgentProcess;
}

/** Two agents that can meet at relays alone, and a third on a public host that relays; one of the two is linked with it. */
async function volunteered(test: TestContext, limits: object = {}): Promise<Volunteered> {
  const made = await ownedBy(test, Lab.create({ a: 'sym', b: 'sym', turn: false }));
  const host = await withRouter(made.node('core'));
  const again = () => startVolunteer(host, limits);
  const volunteer = again();
  const [a, b] = [made.a.agent({ args: relayOnly }), made.b.agent({ args: relayOnly })];
  await Promise.all([a, b, volunteer].map((agent) => agent.event('router.connected')));
  await made.settled();
  made.a.pingStream(host.router.address, { intervalMs: 200 });
  await a.event('signalling.connected', { where: ({ peer }) => peer.key === host.router.key });
  made.a.pingStream(made.b.router.address, { intervalMs: 100 });
  return { made, a, b, volunteer, again };
}

function startVolunteer(host: Host, limits: object): AgentProcess {
  writeFileSync(join(host.folder, 'agent.conf'), JSON.stringify({ relay: { volunteer: { enabled: true, ...limits } } }));
  return host.agent({ args: [...relayOnly, '--config', `${host.insideFolder}/agent.conf`] });
}

/** Places reserved at a volunteer, as it told at each change. */
function circuitsOf(agent: AgentProcess): readonly unknown[] {
  const lines = agent.events as readonly { readonly event: string; readonly circuits?: unknown }[];
  return lines.filter(({ event }) => event === 'relay.reserved' || event === 'relay.released').map(({ circuits }) => circuits);
}

const isRefusal = ({ code, message }: { code: string; message: string }) =>
  code === 'RELAY_NOT_ALLOWED' || message.includes('RELAY_NOT_ALLOWED');

describe.concurrent('a third agent that volunteers', () => {
  it('is where agents behind sym and sym meet, who leave nothing there', async (test) => {
    const { a, b, volunteer } = await volunteered(test);
    const [up] = await Promise.all([a.event('bridge.up'), b.event('bridge.up')]);
    expect(up).toMatchObject({ kind: 'relayed', strategy: 'relay' });
    expect(circuitsOf(volunteer).at(-1)).toBe(1);
    await Promise.all([a.terminate(), b.terminate()]);
    await poll('the place is given back', () => circuitsOf(volunteer).at(-1) === 0 || undefined);
    expect((await volunteer.terminate()).code).toBe(0);
  });

  it('takes the path with it when it is killed, which returns when it is back', async (test) => {
    const { a, b, volunteer, again } = await volunteered(test);
    await Promise.all([a.event('bridge.up'), b.event('bridge.up')]);
    await volunteer.kill9();
    const down = await a.event('bridge.down');
    const restarted = again();
    await a.event('bridge.up', { after: down, timeoutMs: 60_000 });
    await poll('the new one relays', () => circuitsOf(restarted).at(-1) === 1 || undefined);
  });

  it('refuses another circuit than it grants with a code, and serves on', async (test) => {
    const { made, a, b } = await volunteered(test, { maxCircuits: 1 });
    await Promise.all([a.event('bridge.up'), b.event('bridge.up')]);
    const third = await withRouter(made.node('rb'));
    const c = third.agent({ args: relayOnly });
    await c.event('router.connected');
    made.a.pingStream(third.router.address, { intervalMs: 200 });
    await a.event('attempt.failed', { where: ({ peer, code }) => peer.key === third.router.key && code === 'RELAY_FULL' });
    expect(await made.b.ping(made.a.router.address)).toMatchObject({ received: 3 });
    expect([...a.events, ...b.events].filter(({ event }) => event === 'bridge.down')).toEqual([]);
  });

  it('says so with a code when it does not serve a peer', async (test) => {
    const { a, b } = await volunteered(test, { allow: ['200::1'] });
    const told = await Promise.race([
      a.event('attempt.failed', { where: isRefusal }),
      b.event('attempt.failed', { where: isRefusal }),
    ]);
    expect(told.message).toContain('RELAY_NOT_ALLOWED');
  });
});
