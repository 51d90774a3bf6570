import { afterEach, expect, it } from 'vitest';
import { parseRelayUri } from '../../../src/core/config/relay-uri.js';
import { Lab } from '../lab.js';
import { poll } from '../poll.js';
import { publicAddresses } from '../topology.js';
import { configure, relayOnly } from './relay-lab.js';
import { RelayProcess } from './relay-process.js';

let lab: Lab | undefined;
afterEach(async () => {
  await lab?.close();
  lab = undefined;
});

/**
 * Two agents behind NATs of random ports that have a bridge, the first of which has an invite to a relay without a router.
 * @param prepare done before they start
 */
async function bridgedOver(relayPort: number, prepare: (lab: Lab) => Promise<unknown> = async () => {}) {
  const made = await Lab.create({ a: 'sym', b: 'sym', turn: false });
  lab = made;
  const relay = await RelayProcess.start(made.p, `${publicAddresses[0]}:${relayPort}`);
  const uri = await relay.invite('alice');
  await prepare(made);
  const a = made.a.agent({ args: [...relayOnly, ...configure(made.a, { relay: { servers: [uri] } })] });
  const b = made.b.agent({ args: relayOnly });
  await Promise.all([a, b].map((agent) => agent.event('router.connected')));
  await made.settled();
  made.a.pingStream(made.b.router.address, { intervalMs: 100 });
  const [up] = await Promise.all([a.event('bridge.up'), b.event('bridge.up')]);
  expect(up).toMatchObject({ kind: 'relayed', strategy: 'relay', relay: `${publicAddresses[0]}:${relayPort}` });
  return { made, relay, uri, a, b };
}

it('agents behind two NATs of random ports meet at a relay without a router that one of them has an invite to', async () => {
  const { made, relay, uri, a, b } = await bridgedOver(4703);
  expect(parseRelayUri(uri)).toMatchObject({ host: publicAddresses[0], port: 4703, name: 'alice' });
  expect(await made.b.ping(made.a.router.address)).toMatchObject({ received: 3 });
  expect(await relay.status()).toMatchObject({
    reached: [`${publicAddresses[0]}:4703`],
    circuits: 1,
    users: [{ name: 'alice', circuits: 1, bytes: expect.any(Number) }],
  });
  await Promise.all([a.terminate(), b.terminate()]);
  await poll('the place is given back', () => relay.lines('relay.released').at(-1)?.circuits === 0 || undefined);
  expect(await relay.terminate()).toBe(0);
  expect(relay.lines('relay.status').at(-1)).toMatchObject({ circuits: 0, bytes: expect.any(Number) });
  expect(Number(relay.lines('relay.status').at(-1)?.bytes)).toBeGreaterThan(1000);
});

it('an agent whose network lets no TCP through to the relay comes over UDP, and one that has TCP meets it there', async () => {
  const input = 'table inet no-tcp { chain out { type filter hook forward priority 0; tcp dport 4704 drop; }; }';
  const { made, relay } = await bridgedOver(4704, (lab) =>
    lab.node('ra').exec(['nft', '-f', '-'], { input: input.replaceAll(';', '\n') }),
  );
  expect(await made.b.ping(made.a.router.address)).toMatchObject({ received: 3 });
  const overTcp = await made.p.exec(['ss', '-Htn', 'state', 'established', 'sport', '=', ':4704']);
  expect(overTcp.trim().split('\n')).toHaveLength(1);
  expect(await relay.status()).toMatchObject({ circuits: 1, sessions: 2 });
});
