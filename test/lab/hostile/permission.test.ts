import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AgentProcess } from '../agent-process.js';
import type { Host } from '../host.js';
import { Lab } from '../lab.js';
import type { PingStream } from '../ping.js';
import { makeRouterKey } from '../router-process.js';
import type { Site } from '../topology.js';
import { joinOverlay } from './besieged-lab.js';

let lab: Lab;
/** A third agent, which nothing but the others' lists keeps from a bridge. */
let third: Host;
let agents: Record<Site | 'third', AgentProcess>;
let pings: PingStream[];

beforeAll(async () => {
  lab = await Lab.create({ a: 'public', b: 'public', turn: false });
  third = lab.node('core');
  await joinOverlay(third, makeRouterKey());
  // `a` allows nobody but `b`, by key; `b` denies the third, by address.
  agents = {
    a: agentWith(lab.a, { allow: [lab.b.router.key] }),
    b: agentWith(lab.b, { deny: [third.router.address] }),
    third: third.agent(),
  };
  await Promise.all(Object.values(agents).map((agent) => agent.event('signalling.listening')));
  pings = [lab.a.pingStream(lab.b.router.address), ...[lab.a, lab.b].map((host) => third.pingStream(host.router.address))];
});
afterAll(() => lab?.close());

it('who is on the list is bridged', async () => {
  const bridges = await Promise.all([agents.a.event('bridge.up'), agents.b.event('bridge.up')]);
  expect(bridges.map(({ peer }) => peer.key)).toEqual([lab.b.router.key, lab.a.router.key]);
});

it.each<[string, Site]>([
  ['who is not on the allow list', 'a'],
  ['who is on the deny list', 'b'],
])('%s is turned away and never bridged, whatever traffic there is', async (_, site) => {
  const { router } = lab[site];
  const where = ({ remote }: { remote: string }) => remote === third.router.address;
  const { code } = await agents[site].event('signalling.failed', { where });
  expect(code).toBe('SIGNALLING_NOT_ALLOWED');
  const toldBy = ({ remote }: { remote: string }) => remote === router.address;
  expect((await agents.third.event('signalling.failed', { where: toldBy })).code).toBe('PEER_LEFT');
  expect(await agents.third.bridges()).toEqual([]);
  const words = agents[site].events.filter((line) => 'peer' in line && line.peer.key === third.router.key);
  expect(words).toEqual([]);
  expect(pings.map(({ replies }) => replies.length > 0)).toEqual([true, true, true]);
});

function agentWith(host: Host, config: object): AgentProcess {
  writeFileSync(join(host.folder, 'ratatoskr.json'), JSON.stringify(config));
  return host.agent({ args: ['--config', join(host.insideFolder, 'ratatoskr.json')] });
}
