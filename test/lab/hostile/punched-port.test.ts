import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AgentProcess } from '../agent-process.js';
import { Lab } from '../lab.js';
import { sites } from '../topology.js';
import { agentOptions } from './besieged-lab.js';
import { remainderOf, Stranger } from './stranger.js';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.create({ a: 'prc', b: 'public' });
  await lab.settled();
});
afterAll(() => lab?.close());

it('strangers at the punched port get no byte and are turned away, while the attempt goes on and succeeds', async () => {
  const stranger = await Stranger.at(lab.p);
  // The two ends cannot reach each other for now, so that the attempt lasts.
  await lab.cut();
  const agents = { a: lab.a.agent(agentOptions), b: lab.b.agent(agentOptions) };
  await Promise.all(sites.map((site) => agents[site].event('signalling.listening')));
  const ping = lab.a.pingStream(lab.b.router.address);
  const { port } = await punching(agents.b);
  const target = { host: lab.b.address, port };

  // More than may wait to prove themselves; a few say something else than a proof, as long as one.
  const strangers = await Promise.all(Array.from({ length: 100 }, () => stranger.dial(target)));
  for (const socket of strangers.slice(0, 10)) socket.write(Buffer.alloc(36, 'RTSK'));

  await lab.mend();
  const bridges = await Promise.all(sites.map((site) => agents[site].event('bridge.up')));
  expect(new Set(bridges.map(({ attempt }) => attempt)).size).toBe(1);
  expect(agents.b.events.filter(({ event }) => event === 'attempt.failed')).toEqual([]);
  const heard = await Promise.all(strangers.map(remainderOf));
  expect(Buffer.concat(heard)).toHaveLength(0);
  await expect(stranger.dial(target)).rejects.toThrow('ECONNREFUSED');
  await ping.stop();
});

/** The strategy's own word of where it listens. */
async function punching(agent: AgentProcess): Promise<{ port: number }> {
  // Lines of the log have names of their own.
  const line: object = await agent.event('punch.start' as 'log');
  return line as { port: number };
}
