import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Host, SimulatedNetwork, SimulatedNode, type Site, serveStun } from '../../src/testing.js';

/** The kinds of test/lab/nat-kinds.ts as the simulated network has them. Linux gives a socket one port for all destinations, if it can. */
const kinds: Readonly<Record<string, (world: Site, name: string) => Host>> = {
  public: (world, name) => world.host(name),
  fw: (world, name) => world.host(name, { firewall: {} }),
  cone: (world, name) => world.nat({ filtering: 'endpoint-independent' }).host(name),
  prc: (world, name) => world.nat().host(name),
  prcrst: (world, name) => world.nat({ unexpected: 'reset' }).host(name),
  sym: (world, name) => world.nat({ mapping: 'address-and-port-dependent', allocation: 'random' }).host(name),
  symupnp: (world, name) =>
    world.nat({ mapping: 'address-and-port-dependent', allocation: 'random', maps: ['nat-pmp', 'pcp'] }).host(name),
  cgnat: (world, name) => world.nat({ inside: 'carrier-grade' }).nat().host(name),
  udpblock: (world, name) => world.nat({ forwardsUdp: false }).host(name),
};

/** What real kernels and real routers did: pairs of kinds, and the strategy that won. */
const measured = [
  ...readFileSync(new URL('../../docs/nat-grid.md', import.meta.url), 'utf8').matchAll(/^\| (\w+) – (\w+) \| ([a-z-]+) \|/gm),
].map(([, a = '', b = '', strategy = '']) => ({ a, b, strategy }));

describe('the simulated network', () => {
  it('knows all the pairs that were measured', () => {
    expect(measured).toHaveLength(45);
    expect(measured.every(({ a, b }) => a in kinds && b in kinds)).toBe(true);
  });

  it.each(measured)('gives $a and $b the strategy that real kernels do: $strategy', async ({ a, b, strategy }) => {
    // The overlay's round trip, as it was measured.
    const world = new SimulatedNetwork({ seed: `${a} ${b}`, overlay: { delayMs: 61 } });
    const stun = [await serveStun(world.host('stun-1', { addresses: 2 })), await serveStun(world.host('stun-2'))];
    const directory = new Map<string, string>();
    const start = (kind: string, name: string) => {
      const host = kinds[kind]?.(world, name);
      if (!host) throw new Error(`There is no kind ${kind}.`);
      return SimulatedNode.start(host, directory, { stun });
    };
    const [near, far] = await world.until(Promise.all([start(a, 'a'), start(b, 'b')]));
    await near.router.sendTo(far.router.address);
    await world.until(
      Promise.race([near.next('bridge.up'), near.next('ladder.exhausted'), far.next('ladder.exhausted')]),
      60_000,
    );
    // A better one may take the place of the first.
    await world.run(5000);
    const outcome = near.events.findLast(({ event }) => event === 'bridge.up' || event === 'ladder.exhausted');
    // There is no relay here: where only that helps, nothing does.
    if (strategy === 'relay') expect(outcome?.event).toBe('ladder.exhausted');
    else expect(outcome).toMatchObject({ event: 'bridge.up', strategy, kind: 'direct' });
    await world.until(Promise.all([near.stop(), far.stop()]));
  });
});
