import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, type TestContext } from 'vitest';
import type { AgentProcess } from '../agent-process.js';
import { ownedBy } from '../owned-by.js';
import { poll } from '../poll.js';
import { publicAddresses } from '../topology.js';
import { RelayLab, turnAt } from './relay-lab.js';
import { TurnClock } from './turn-clock.js';
import { TurnProcess } from './turn-process.js';

const [address] = publicAddresses;
/** What coturn grants, and no less, in seconds. */
const lifetimeS = 600;

interface Relayed {
  readonly agents: readonly AgentProcess[];
  readonly server: TurnProcess;
  readonly clock: TurnClock;
}

/** Two agents with a bridge by allocations that relay one protocol, and are asked for over one. */
async function relayed(test: TestContext, protocol: 'tcp' | 'udp', transport: 'tcp' | 'udp'): Promise<Relayed> {
  const lab = await ownedBy(test, RelayLab.create([]));
  const clock = await TurnClock.make(lab.lab.p);
  const extra = protocol === 'tcp' ? [] : ['--no-tcp-relay'];
  const server = await TurnProcess.start(lab.lab.p, { address, extra, clock });
  const agents = await lab.agents(turnAt(address, `?transport=${transport}`));
  await Promise.all(agents.map((agent) => agent.event('bridge.up')));
  expect(server.allocations).toBeGreaterThan(0);
  expect(await server.relayedSockets()).not.toEqual([]);
  return { agents, server, clock };
}

async function gone(server: TurnProcess): Promise<void> {
  await poll('the allocations are gone', () => server.allocations === 0 || undefined, { timeoutMs: 5000 });
  await poll('their sockets are gone', async () => (await server.relayedSockets()).length === 0 || undefined);
}

describe.concurrent('allocations', () => {
  it.for([
    ['tcp', 'tcp'],
    ['udp', 'tcp'],
    ['udp', 'udp'],
  ] as const)('that relay %s over %s are given back by agents that end', async ([protocol, transport], test) => {
    const { agents, server } = await relayed(test, protocol, transport);
    await Promise.all(agents.map((agent) => agent.terminate()));
    await gone(server);
  });

  it.for(['tcp', 'udp'] as const)(
    'that relay %s over tcp go with the connections of agents that are killed',
    async (protocol, test) => {
      const { agents, server } = await relayed(test, protocol, 'tcp');
      await Promise.all(agents.map((agent) => agent.kill9()));
      await gone(server);
    },
  );

  it('that relay udp over udp outlive agents that are killed, but not their lifetime', async (test) => {
    const { agents, server, clock } = await relayed(test, 'udp', 'udp');
    const { allocations } = server;
    await Promise.all(agents.map((agent) => agent.kill9()));
    clock.putForward(lifetimeS - 60);
    // The server looks at its clock every second.
    await delay(3000);
    expect(server.allocations).toBe(allocations);
    clock.putForward(lifetimeS);
    await gone(server);
  });
});
