import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { Host } from '../host.js';
import { Lab } from '../lab.js';
import { publicAddresses } from '../topology.js';

const plugin = new URL('../../../plugins/ratatoskr-discovery-hyperdht/package.json', import.meta.url);
const dhtNode = createRequire(plugin).resolve('hyperdht/bin.js');
const dhtPort = 49_737;

let lab: Lab | undefined;
afterEach(async () => {
  await lab?.close();
  lab = undefined;
});

/** An agent with these discovery sources. */
function agent(host: Host, discovery: readonly unknown[]) {
  writeFileSync(join(host.folder, 'agent.conf'), JSON.stringify({ discovery, strategies: ['tcp-hole-punching'] }));
  return host.agent({ args: ['--config', `${host.insideFolder}/agent.conf`] });
}

it('two agents that name each other bridge two NATs before their routers have exchanged anything', async () => {
  lab = await Lab.create({ a: 'prc', b: 'prc' });
  const { a, b } = lab;
  await lab.settled();
  expect([...(await a.router.sessions()), ...(await b.router.sessions())]).toEqual([]);
  const naming = ({ router: { key, address } }: Host) => [{ use: 'static', options: { peers: [{ key, address }] } }];
  const agents = [agent(a, naming(b)), agent(b, naming(a))];
  const ups = await Promise.all(agents.map((each) => each.event('bridge.up', { timeoutMs: 60_000 })));
  expect(ups).toMatchObject([
    { kind: 'direct', peer: { key: b.router.key } },
    { kind: 'direct', peer: { key: a.router.key } },
  ]);
});

it('two agents with one passphrase find each other over a DHT of their own, and bridge', { timeout: 180_000 }, async () => {
  lab = await Lab.create({ a: 'prc', b: 'prc' });
  const { a, b, p } = lab;
  const node = p.spawn([process.execPath, dhtNode, '--bootstrap', '--host', publicAddresses[0], '--port', `${dhtPort}`], {
    name: 'dht',
  });
  await node.line('a DHT', (line) => line.includes('Fully started') || undefined);
  await lab.settled();
  const options = { passphrase: 'nine worlds and one ash', bootstrap: [`${publicAddresses[0]}:${dhtPort}`] };
  const agents = [a, b].map((host) => agent(host, [{ use: 'ratatoskr-discovery-hyperdht', options }]));
  const ups = await Promise.all(agents.map((each) => each.event('bridge.up', { timeoutMs: 120_000 })));
  expect(ups).toMatchObject([{ peer: { key: b.router.key } }, { peer: { key: a.router.key } }]);
  for (const each of agents) expect(await each.event('peer.found')).toMatchObject({ source: 'hyperdht' });
});
