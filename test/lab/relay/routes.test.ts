import { afterEach, expect, it } from 'vitest';
import type { AgentLine, AgentProcess } from '../agent-process.js';
import { Lab } from '../lab.js';
import { publicAddresses } from '../topology.js';
import { configure, relayOnly } from './relay-lab.js';
import { RelayProcess } from './relay-process.js';

let lab: Lab | undefined;
afterEach(async () => {
  await lab?.close();
  lab = undefined;
});

/** As the relays see the two sites. */
const [siteA, siteB] = ['20.0.1.2', '20.0.2.2'];
/** Milliseconds from a site to a relay and back from it. */
const line = (toMs: number, fromMs: number) => ({ toMs, fromMs });
/**
 * From a to b the first takes 60 ms and the others 360 and 120; from b to a the second takes 60 and the others 360 and 120. Out over
 * the first and back over the second is the optimum, with 120.
 */
const lines = [
  { [siteA]: line(30, 180), [siteB]: line(180, 30) },
  { [siteA]: line(180, 30), [siteB]: line(30, 180) },
  { [siteA]: line(60, 60), [siteB]: line(60, 60) },
];

/** What the controlling agent says of its bridges. */
async function routed() {
  const made = await Lab.create({ a: 'sym', b: 'sym', turn: false });
  lab = made;
  const relays = await Promise.all(
    lines.map((delays, index) => RelayProcess.startFarAway(made.p, `${publicAddresses[0]}:${4711 + index}`, delays)),
  );
  const servers = await Promise.all(relays.map((relay) => relay.invite('lab')));
  const [a, b] = [made.a, made.b].map((host) => host.agent({ args: [...relayOnly, ...configure(host, { relay: { servers } })] }));
  if (!a || !b) throw new Error('an agent is missing');
  await Promise.all([a, b].map((agent) => agent.event('router.connected')));
  await made.settled();
  made.a.pingStream(made.b.router.address, { intervalMs: 100 });
  return { made, relays, a, b };
}

/** The relays of a bridge, from a to b and from b to a. */
function waysOf({ relay = '' }: AgentLine<'bridge.up'>): readonly string[] {
  const [, out = '', back = out] = /^(\S+)(?: out, (\S+) back)?$/.exec(relay) ?? [];
  return [out, back];
}

async function kept(agent: AgentProcess): Promise<void> {
  await agent.event('attempt.failed', { where: ({ code }) => code === 'RELAY_ROUTE_KEPT', timeoutMs: 40_000 });
}

it('of three relays each direction takes the nearest, and noise moves nothing', async () => {
  const { made, relays, a, b } = await routed();
  const up = await a.event('bridge.up');
  expect(waysOf(up)).toEqual([relays[0]?.place, relays[1]?.place]);
  // The next best takes 180; what is between is left to a machine that is busy with the whole laboratory.
  expect(up.rttMs).toBeGreaterThan(119);
  expect(up.rttMs).toBeLessThan(160);
  await Promise.race([kept(a), kept(b)]);
  expect(await made.a.ping(made.b.router.address)).toMatchObject({ received: 3 });
});

it('a relay that is killed is left within 5 s, for the next best', async () => {
  const { relays, a } = await routed();
  const [first, second, third] = relays;
  const up = await a.event('bridge.up');
  expect(waysOf(up)).toEqual([first?.place, second?.place]);
  await second?.kill9();
  const killedAt = Date.now();
  const next = await a.event('bridge.up', { after: up });
  expect(waysOf(next)).toEqual([first?.place, third?.place]);
  expect(next.time - killedAt).toBeLessThan(5000);
});
