import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { statusSchema } from '../../../src/control/schemas.js';
import type { Host } from '../host.js';
import type { Lab } from '../lab.js';
import { publicAddresses } from '../topology.js';
import { CoordinatorProcess } from './coordinator-process.js';
import { labWithRelays, opposite } from './far-relays.js';
import { configure, relayOnly } from './relay-lab.js';

let lab: Lab | undefined;
afterEach(async () => {
  await lab?.close();
  lab = undefined;
});

const program = process.env.RATATOSKR_LAB_AGENT ?? fileURLToPath(new URL('../../../dist/cli.js', import.meta.url));
it('a coordinator names the nearest of three relays for each direction, and its end freezes the routes', async () => {
  const { made, relays, servers } = await labWithRelays(opposite);
  lab = made;
  const coordinator = await CoordinatorProcess.start(made.p, `${publicAddresses[0]}:4705`);
  const start = async (host: Host) => {
    const routes = { mode: 'super', coordinator: await coordinator.invite(host.router.key) };
    return host.agent({ args: [...relayOnly, ...configure(host, { relay: { servers, routes } })] });
  };
  const [a, b] = await Promise.all([start(made.a), start(made.b)]);
  await Promise.all([a, b].map((agent) => agent.event('router.connected')));
  await Promise.all([a, b].map((agent) => agent.event('routes.coordinated')));
  await made.settled();
  made.a.pingStream(made.b.router.address, { intervalMs: 100 });

  const up = await a.event('bridge.up');
  expect(up.relay).toBe(`${relays[0]?.place} out, ${relays[1]?.place} back`);

  await coordinator.kill9();
  const frozen = await Promise.all([a, b].map((agent) => agent.event('routes.frozen')));
  expect(frozen).toMatchObject([{ code: 'COORDINATOR_UNREACHABLE' }, { code: 'COORDINATOR_UNREACHABLE' }]);
  const argv = [process.execPath, program, 'status', '--json', '--runtime-dir', `${made.a.insideFolder}/run`];
  const { routes, peers } = statusSchema.parse(JSON.parse(await made.a.exec(argv)));
  expect(routes).toMatchObject({ mode: 'super', coordinator: coordinator.place, frozenSince: expect.any(String) });
  expect(peers.find(({ key }) => key === made.b.router.key)).toMatchObject({ bridge: { relay: up.relay } });

  // Both measure again, and nothing moves.
  const isKept = ({ code }: { code: string }) => code === 'RELAY_ROUTE_KEPT';
  await Promise.race([a, b].map((agent) => agent.event('attempt.failed', { where: isKept, timeoutMs: 40_000 })));
  expect(await made.a.ping(made.b.router.address)).toMatchObject({ received: 3 });
});
