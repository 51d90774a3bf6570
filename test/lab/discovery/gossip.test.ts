import { afterEach, expect, it } from 'vitest';
import type { Host } from '../host.js';
import { Lab } from '../lab.js';
import { configure, relayOnly } from '../relay/relay-lab.js';
import { RelayProcess } from '../relay/relay-process.js';
import { publicAddresses } from '../topology.js';
import { withRouter } from '../with-router.js';

let lab: Lab | undefined;
afterEach(async () => {
  await lab?.close();
  lab = undefined;
});

/** An agent that gossips, knows these agents, and no server of any kind. */
function agent(host: Host, known: readonly Host[] = [], relay: object = {}) {
  const named = known.length > 0 ? [{ use: 'static', options: { peers: known.map(({ router }) => router.key) } }] : [];
  const discovery = ['sessions', 'gossip', ...named];
  return host.agent({ stun: 'none', args: configure(host, { discovery, relay: { use: 'always', ...relay } }) });
}

it('an agent that knows one agent and nothing else ends bridged with a third through a relay that it learnt of', async () => {
  lab = await Lab.create({ a: 'sym', b: 'sym', turn: false });
  const { a, b, p } = lab;
  const relay = await withRouter(lab.node('core'));
  const relaying = agent(relay, [], { volunteer: { enabled: true } });
  const known = agent(p, [relay]);
  const third = agent(b);
  await Promise.all([relaying, known, third].map((each) => each.event('router.connected')));
  await lab.settled();
  const first = agent(a, [p]);
  await first.event('router.connected');
  const ping = a.pingStream(b.router.address, { intervalMs: 100 });
  const up = await first.event('bridge.up', { where: ({ peer }) => peer.key === b.router.key, timeoutMs: 30_000 });
  expect(up).toMatchObject({ kind: 'relayed', strategy: 'relay' });
  const found = await first.event('peer.found', { where: ({ source }) => source === 'gossip' });
  // The third is told of it, too, and may pass it on sooner.
  expect(found).toMatchObject({
    peer: { key: relay.router.key },
    toldBy: { key: expect.toBeOneOf([p.router.key, b.router.key]) },
  });
  await ping.stop();
});

it('an agent that knows one agent and nothing else ends bridged through a relay without a router that it learnt of', async () => {
  lab = await Lab.create({ a: 'sym', b: 'sym', turn: false });
  const { a, b, p } = lab;
  const place = `${publicAddresses[0]}:4710`;
  const relay = await RelayProcess.start(p, place);
  const known = agent(p, [], { servers: [await relay.invite('alice')] });
  const third = b.agent({ stun: 'none', args: relayOnly });
  await Promise.all([known, third].map((each) => each.event('router.connected')));
  await lab.settled();
  const first = agent(a, [p]);
  await first.event('router.connected');
  const ping = a.pingStream(b.router.address, { intervalMs: 100 });
  const up = await first.event('bridge.up', { where: ({ peer }) => peer.key === b.router.key, timeoutMs: 30_000 });
  expect(up).toMatchObject({ kind: 'relayed', strategy: 'relay', relay: place });
  expect((await relay.status()).users).toContainEqual(expect.objectContaining({ name: 'alice/guests', circuits: 1 }));
  await ping.stop();
});
