import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Crossing } from '../crossing.js';
import { poll } from '../poll.js';
import { publicAddresses } from '../topology.js';
import { configure, makeCertificate, RelayLab, relayOnly, turnAt } from './relay-lab.js';
import { TurnProcess } from './turn-process.js';

let open: { close(): Promise<void> } | undefined;
afterEach(async () => {
  await open?.close();
  open = undefined;
});

const [first, second] = publicAddresses;
const turn = turnAt();

async function labWith(...servers: Parameters<typeof RelayLab.create>[0]): Promise<RelayLab> {
  const made = await RelayLab.create(servers);
  open = made;
  return made;
}

it.each([
  ['sym', 'sym'],
  ['udpblock', 'sym'],
] as const)('agents behind %s and %s meet at a TURN server, lose no packet and leave nothing behind', async (a, b) => {
  const crossing = await Crossing.prepare({ a, b, agent: { args: [...relayOnly, ...turn] } });
  open = crossing;
  const { kind, strategy, pingsLost } = await crossing.run();
  expect({ kind, strategy, pingsLost }).toEqual({ kind: 'relayed', strategy: 'relay', pingsLost: 0 });
  expect(await crossing.end()).toEqual([]);
});

it('a server that only one end names serves both', async () => {
  const lab = await labWith({ address: first });
  const [a, b] = await lab.agents(turn, []);
  await Promise.all([a.event('bridge.up'), b.event('bridge.up')]);
});

it('a wrong password is told as such, and never shown', async () => {
  const lab = await labWith({ address: first });
  const both = await lab.agents(['--turn', `turn:lab:hunter2@${first}:3478`]);
  const told = await Promise.all(both.map((agent) => agent.event('attempt.failed')));
  expect(told.map(({ code }) => code)).toContain('TURN_UNAUTHORIZED');
  expect(JSON.stringify(both.map((agent) => agent.events))).not.toContain('hunter2');
});

it('when its server dies a path ends, and the next goes through another', async () => {
  const lab = await labWith({ address: first }, { address: second });
  const [one, other] = lab.servers;
  const [a] = await lab.agents([...turn, ...turnAt(second)]);
  await a.event('bridge.up');
  const used = await poll('a server has the allocation', () => [one, other].find((server) => server?.allocations === 1));
  const spare = used === one ? other : one;
  await used.kill();
  const down = await a.event('bridge.down');
  await a.event('bridge.up', { after: down });
  await poll('the other server has the allocation', () => spare?.allocations === 1 || undefined);
});

it('a secret shared with the server gives credentials with a time limit', async () => {
  const made = await labWith({ address: first, users: ['--use-auth-secret', '--static-auth-secret=north'] });
  writeFileSync(join(made.lab.a.folder, 'turn-secret'), 'north\n');
  const entry = { uri: `turn:squirrel@${first}`, auth: 'shared-secret', secretFile: `${made.lab.a.insideFolder}/turn-secret` };
  const [a] = await made.agents(configure(made.lab.a, { relay: { turn: [entry] } }), []);
  await a.event('bridge.up');
});

it('over TLS a certificate of the server’s own is taken only when the configuration names it', async () => {
  const made = await labWith();
  const { a: site, p } = made.lab;
  const { key, certificate } = await makeCertificate(p, first);
  await TurnProcess.start(p, { address: first, tls: ['--tls-listening-port=5349', `--cert=${certificate}`, `--pkey=${key}`] });
  const uri = `turns:lab:lab@${first}`;
  const known = { uri, ca: certificate };
  const [a, b] = await made.agents(configure(site, { relay: { turn: [uri] } }), []);
  const refused = await Promise.any([a.event('attempt.failed'), b.event('attempt.failed')]);
  expect(['TURN_CERTIFICATE', 'PEER_ENDED']).toContain(refused.code);
  expect(refused.message).toMatch(/self[- ]signed certificate/);
  await a.terminate();
  const again = site.agent({ args: [...relayOnly, ...configure(site, { relay: { turn: [known] } })] });
  await again.event('bridge.up');
});
