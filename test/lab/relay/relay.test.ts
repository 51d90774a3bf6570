import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { AgentProcess } from '../agent-process.js';
import { Crossing } from '../crossing.js';
import type { Host } from '../host.js';
import { Lab } from '../lab.js';
import { poll } from '../poll.js';
import { publicAddresses } from '../topology.js';
import { TurnProcess } from './turn-process.js';

let lab: Lab | undefined;
afterEach(async () => {
  await lab?.close();
  lab = undefined;
});

const [first, second] = publicAddresses;
const relayOnly = ['--strategies', 'relay', '--relay', 'always'];
const turn = ['--turn', `turn:lab:lab@${first}:3478`];

/** Two agents that can meet at relays alone. */
async function agents(args: readonly string[], b: readonly string[] = args): Promise<[AgentProcess, AgentProcess]> {
  if (!lab) throw new Error('no laboratory');
  const both = [lab.a.agent({ args: [...relayOnly, ...args] }), lab.b.agent({ args: [...relayOnly, ...b] })] as const;
  await Promise.all(both.map((agent) => agent.event('router.connected')));
  await lab.settled();
  lab.a.pingStream(lab.b.router.address, { intervalMs: 100 });
  return [...both];
}

/** The processes that a laboratory's own coturn is not: what a test does to them, it does to nobody else. */
async function labWith(...servers: Parameters<typeof TurnProcess.start>[1][]): Promise<[Lab, ...TurnProcess[]]> {
  const made = await Lab.create({ a: 'sym', b: 'sym', turn: false });
  lab = made;
  return [made, ...(await Promise.all(servers.map((server) => TurnProcess.start(made.p, server))))];
}

function configure(host: Host, config: object): readonly string[] {
  writeFileSync(join(host.folder, 'agent.conf'), JSON.stringify(config));
  return ['--config', `${host.insideFolder}/agent.conf`];
}

it.each([
  ['sym', 'sym'],
  ['udpblock', 'sym'],
] as const)('agents behind %s and %s meet at a TURN server, lose no packet and leave nothing behind', async (a, b) => {
  const crossing = await Crossing.prepare({ a, b, agent: { args: [...relayOnly, ...turn] } });
  lab = crossing.lab;
  const { kind, strategy, pingsLost } = await crossing.run();
  expect({ kind, strategy, pingsLost }).toEqual({ kind: 'relayed', strategy: 'relay', pingsLost: 0 });
  expect(await crossing.end()).toEqual([]);
});

it('a server that only one end names serves both', async () => {
  await labWith({ address: first });
  const [a, b] = await agents(turn, []);
  await Promise.all([a.event('bridge.up'), b.event('bridge.up')]);
});

it.each(['SIGTERM', 'SIGKILL'] as const)('no allocation outlives its agents by long after %s', async (signal) => {
  const [, server] = await labWith({ address: first });
  const both = await agents(turn);
  await Promise.all(both.map((agent) => agent.event('bridge.up')));
  await poll('the server has the allocation', () => server?.allocations === 1 || undefined);
  await Promise.all(both.map((agent) => (signal === 'SIGTERM' ? agent.terminate() : agent.kill9())));
  await poll('the allocations are gone', () => server?.allocations === 0 || undefined);
});

it('a wrong password is told as such, and never shown', async () => {
  await labWith({ address: first });
  const both = await agents(['--turn', `turn:lab:hunter2@${first}:3478`]);
  const told = await Promise.all(both.map((agent) => agent.event('attempt.failed')));
  expect(told.map(({ code }) => code)).toContain('TURN_UNAUTHORIZED');
  expect(JSON.stringify(both.map((agent) => agent.events))).not.toContain('hunter2');
});

it('when its server dies a path ends, and the next goes through another', async () => {
  const [, one, other] = await labWith({ address: first }, { address: second });
  const [a] = await agents([...turn, '--turn', `turn:lab:lab@${second}:3478`]);
  await a.event('bridge.up');
  const used = await poll('a server has the allocation', () => [one, other].find((server) => server?.allocations === 1));
  const spare = used === one ? other : one;
  await used.kill();
  const down = await a.event('bridge.down');
  await a.event('bridge.up', { after: down });
  await poll('the other server has the allocation', () => spare?.allocations === 1 || undefined);
});

it('a secret shared with the server gives credentials with a time limit', async () => {
  const [made] = await labWith({ address: first, users: ['--use-auth-secret', '--static-auth-secret=north'] });
  writeFileSync(join(made.a.folder, 'turn-secret'), 'north\n');
  const entry = { uri: `turn:squirrel@${first}`, auth: 'shared-secret', secretFile: `${made.a.insideFolder}/turn-secret` };
  const [a] = await agents(configure(made.a, { relay: { turn: [entry] } }), []);
  await a.event('bridge.up');
});

it('over TLS a certificate of the server’s own is taken only when the configuration names it', async () => {
  const made = await Lab.create({ a: 'sym', b: 'sym', turn: false });
  lab = made;
  const pair = ['-keyout', `${made.p.insideFolder}/key.pem`, '-out', `${made.p.insideFolder}/cert.pem`];
  const subject = ['-subj', '/CN=turn', '-addext', `subjectAltName=IP:${first}`];
  await made.p.exec(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...pair, ...subject]);
  const files = [`--cert=${made.p.insideFolder}/cert.pem`, `--pkey=${made.p.insideFolder}/key.pem`];
  await TurnProcess.start(made.p, { address: first, tls: ['--tls-listening-port=5349', ...files] });
  const uri = `turns:lab:lab@${first}`;
  const known = { uri, ca: `${made.p.insideFolder}/cert.pem` };
  const [a, b] = await agents(configure(made.a, { relay: { turn: [uri] } }), []);
  const refused = await Promise.any([a.event('attempt.failed'), b.event('attempt.failed')]);
  expect(['TURN_CERTIFICATE', 'PEER_ENDED']).toContain(refused.code);
  expect(refused.message).toMatch(/self[- ]signed certificate/);
  await a.terminate();
  const again = made.a.agent({ args: [...relayOnly, ...configure(made.a, { relay: { turn: [known] } })] });
  await again.event('bridge.up');
});
