import { describe, expect, it } from 'vitest';
import { type AgentSettings, type Host, SimulatedNetwork, SimulatedNode, serveStun, serveTurn } from '../../src/testing.js';

/** Two agents that meet, with traffic between their routers. */
async function cross(world: SimulatedNetwork, hosts: readonly [Host, Host], settings: AgentSettings = {}) {
  const directory = new Map<string, string>();
  const stun = [await serveStun(world.host('stun-1', { addresses: 2 })), await serveStun(world.host('stun-2'))];
  const start = (host: Host) => SimulatedNode.start(host, directory, { stun, ...settings });
  const [a, b] = await world.until(Promise.all([start(hosts[0]), start(hosts[1])]));
  await a.router.sendTo(b.router.address);
  return { a, b };
}

describe('whole agents on the simulated network', () => {
  it('bridge two NATs by TCP hole punching, and leave nothing behind', async () => {
    const world = new SimulatedNetwork({ seed: 1 });
    const { a, b } = await cross(world, [world.nat().host('a'), world.nat().host('b')]);
    const [up] = await world.until(Promise.all([a.next('bridge.up'), b.next('bridge.up')]), 30_000);
    expect(up).toMatchObject({ strategy: 'tcp-hole-punching', kind: 'direct' });
    expect([a.router.peeredWith, b.router.peeredWith]).toEqual([[b.router.key], [a.router.key]]);
    await world.until(Promise.all([a.stop(), b.stop()]));
    await world.run(5000);
    expect(world.clock.pendingTimers).toBe(0);
    expect([a, b].map(({ host, router }) => [host.tcp.open, host.unix.paths, router.peers])).toEqual([
      [0, ['/run/yggdrasil/yggdrasil.sock'], []],
      [0, ['/run/yggdrasil/yggdrasil.sock'], []],
    ]);
  });

  it.each(['pcp', 'nat-pmp', 'upnp'] as const)('bridge by a port that a gateway maps by %s', async (protocol) => {
    const world = new SimulatedNetwork({ seed: 2 });
    const home = world.nat({ allocation: 'random', mapping: 'address-and-port-dependent', maps: [protocol] });
    const { a, b } = await cross(world, [home.host('a'), world.nat().host('b')], { strategies: ['port-mapping'] });
    const [up] = await world.until(Promise.all([a.next('bridge.up'), b.next('bridge.up')]), 30_000);
    expect(up).toMatchObject({ strategy: 'port-mapping', kind: 'direct' });
    expect(home.router.requestedMappings.length).toBeGreaterThan(0);
    await world.until(Promise.all([a.stop(), b.stop()]));
    expect(home.router.requestedMappings).toEqual([]);
  });

  it('bridge by UDP hole punching', async () => {
    const world = new SimulatedNetwork({ seed: 2 });
    const { a, b } = await cross(world, [world.nat().host('a'), world.nat().host('b')], { strategies: ['udp-hole-punching'] });
    const [up] = await world.until(Promise.all([a.next('bridge.up'), b.next('bridge.up')]), 30_000);
    expect(up).toMatchObject({ strategy: 'udp-hole-punching', kind: 'direct' });
  });

  it.each(['tcp', 'udp'] as const)('bridge two symmetric NATs by a relay, which relays %s', async (protocol) => {
    const world = new SimulatedNetwork({ seed: 3 });
    const symmetric = { mapping: 'address-and-port-dependent', allocation: 'random' } as const;
    const turn = [await serveTurn(world.host('turn'), { relays: [protocol] })];
    const hosts = [world.nat(symmetric).host('a'), world.nat(symmetric).host('b')] as const;
    const { a, b } = await cross(world, hosts, { strategies: ['relay'], relay: { use: 'always', turn } });
    const [up] = await world.until(Promise.all([a.next('bridge.up'), b.next('bridge.up')]), 30_000);
    expect(up).toMatchObject({ strategy: 'relay', kind: 'relayed' });
    await world.run(5000);
    expect([a.router.peeredWith, b.router.peeredWith]).toEqual([[b.router.key], [a.router.key]]);
    await world.until(Promise.all([a.stop(), b.stop()]));
    await world.run(5000);
    expect(world.clock.pendingTimers).toBe(0);
  });

  it('do the same things at the same instants for the same seed', async () => {
    const run = async (seed: number) => {
      const world = new SimulatedNetwork({ seed });
      const packets: string[] = [];
      world.onPacket(({ event, from, to, packet }, at) => {
        packets.push(
          `${at} ${event} ${from.name} ${to?.name} ${packet.destination.address} ${packet.destination.port} ${packet.payload.length}`,
        );
      });
      const line = { delayMs: 5, jitterMs: 3, loss: 0.02 };
      const home = world.nat({ mapping: 'address-and-port-dependent', allocation: 'random' });
      const { a, b } = await cross(world, [home.host('a', { line }), world.nat().host('b', { line })]);
      await world.until(Promise.all([a.next('bridge.up'), b.next('bridge.up')]), 60_000);
      await world.until(Promise.all([a.stop(), b.stop()]));
      return packets;
    };
    const [first, second, other] = [await run(5), await run(5), await run(6)];
    expect(first.length).toBeGreaterThan(500);
    expect(second).toEqual(first);
    expect(other).not.toEqual(first);
  });
});
