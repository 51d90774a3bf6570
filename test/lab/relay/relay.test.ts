import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, type TestContext } from 'vitest';
import { Crossing } from '../crossing.js';
import { ownedBy } from '../owned-by.js';
import { poll } from '../poll.js';
import { publicAddresses } from '../topology.js';
import { configure, makeCertificate, RelayLab, relayOnly, turnAt } from './relay-lab.js';
import { TurnProcess } from './turn-process.js';

const [first, second] = publicAddresses;
const turn = turnAt();

function labWith(test: TestContext, ...servers: Parameters<typeof RelayLab.create>[0]): Promise<RelayLab> {
  return ownedBy(test, RelayLab.create(servers));
}

describe.concurrent('agents that may use relays alone', () => {
  it.for([
    ['sym', 'sym'],
    ['udpblock', 'sym'],
  ] as const)('behind %s and %s meet at a TURN server, lose no packet and leave nothing behind', async ([a, b], test) => {
    const crossing = await ownedBy(test, Crossing.prepare({ a, b, agent: { args: [...relayOnly, ...turn] } }));
    const { kind, strategy, pingsLost } = await crossing.run();
    expect({ kind, strategy, pingsLost }).toEqual({ kind: 'relayed', strategy: 'relay', pingsLost: 0 });
    expect(await crossing.end()).toEqual([]);
  });

  it('are both served by a server that only one of them names', async (test) => {
    const lab = await labWith(test, { address: first });
    const [a, b] = await lab.agents(turn, []);
    await Promise.all([a.event('bridge.up'), b.event('bridge.up')]);
  });

  it('say that a password is wrong, and never show it', async (test) => {
    const lab = await labWith(test, { address: first });
    const both = await lab.agents(['--turn', `turn:lab:hunter2@${first}:3478`]);
    const told = await Promise.all(both.map((agent) => agent.event('attempt.failed')));
    expect(told.map(({ code }) => code)).toContain('TURN_UNAUTHORIZED');
    expect(JSON.stringify(both.map((agent) => agent.events))).not.toContain('hunter2');
  });

  it('lose their path when its server dies, and get the next through another', async (test) => {
    const lab = await labWith(test, { address: first }, { address: second });
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

  it('make credentials with a time limit of a secret shared with the server', async (test) => {
    const made = await labWith(test, { address: first, users: ['--use-auth-secret', '--static-auth-secret=north'] });
    writeFileSync(join(made.lab.a.folder, 'turn-secret'), 'north\n');
    const entry = { uri: `turn:squirrel@${first}`, auth: 'shared-secret', secretFile: `${made.lab.a.insideFolder}/turn-secret` };
    const [a] = await made.agents(configure(made.lab.a, { relay: { turn: [entry] } }), []);
    await a.event('bridge.up');
  });

  it('take a certificate of the server’s own only when the configuration names it', async (test) => {
    const made = await labWith(test);
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
});
