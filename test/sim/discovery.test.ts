import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { sleep } from '../../src/core/clock.js';
import { type DiscoveryDefinition, defineDiscovery } from '../../src/core/discovery-source.js';
import { type AgentSettings, type Host, SimulatedNetwork, SimulatedNode } from '../../src/testing.js';

/** The key that a host's router will have. */
const keyOf = (host: Host) => Buffer.from(host.random.fork('key').bytes(32)).toString('hex');

const naming = (host: Host) => ({ use: 'static', options: { peers: [keyOf(host)] } });

/** A source that tells of one peer, once or again and again. */
const telling = (key: string, expiresInMs: number, { again }: { readonly again: boolean }) =>
  defineDiscovery({
    name: 'telling',
    apiVersion: 1,
    options: z.strictObject({}),
    create: (_options, { clock }) => ({
      name: 'telling',
      async run({ signal, found }) {
        do found({ key, expiresInMs });
        while (again && (await sleep(clock, expiresInMs, signal).then(() => true)));
      },
    }),
  });

/** Agents on public hosts, whose routers know each other and exchange nothing by themselves. */
async function start(
  world: SimulatedNetwork,
  hosts: readonly Host[],
  settings: readonly AgentSettings[],
  sources: readonly DiscoveryDefinition[] = [],
) {
  const directory = new Map<string, string>();
  const nodes = hosts.map((host, index) => SimulatedNode.start(host, directory, settings[index] ?? {}, [], sources));
  return (await world.until(Promise.all(nodes))) as [SimulatedNode, SimulatedNode];
}

const count = ({ events }: SimulatedNode, name: string) => events.filter(({ event }) => event === name).length;

describe('a static peer', () => {
  it('is met and bridged before there is a session, and nothing is left behind at the end', async () => {
    const world = new SimulatedNetwork({ seed: 1 });
    const hosts = [world.host('a'), world.host('b')] as const;
    const nodes = await start(world, hosts, [{ discovery: [naming(hosts[1])] }, { discovery: [naming(hosts[0])] }]);
    const [up] = await world.until(Promise.all(nodes.map((node) => node.next('bridge.up'))), 30_000);
    expect(up).toMatchObject({ kind: 'direct', peer: { key: keyOf(hosts[1]) } });
    expect(await nodes[0].next('peer.found')).toMatchObject({ source: 'static', peer: { key: keyOf(hosts[1]) } });
    await world.until(Promise.all(nodes.map((node) => node.stop())));
    await world.run(5000);
    expect(world.clock.pendingTimers).toBe(0);
  });

  it('keeps its bridge although nothing goes over it', async () => {
    const world = new SimulatedNetwork({ seed: 2 });
    const hosts = [world.host('a'), world.host('b')] as const;
    const nodes = await start(world, hosts, [
      { strategies: ['tcp-hole-punching'], discovery: ['sessions', naming(hosts[1])] },
      { strategies: ['tcp-hole-punching'], discovery: ['sessions', naming(hosts[0])] },
    ]);
    await world.until(Promise.all(nodes.map((node) => node.next('bridge.up'))), 30_000);
    await world.run(10 * 60_000);
    expect(nodes.map((node) => [count(node, 'bridge.up'), count(node, 'bridge.down')])).toEqual([
      [1, 0],
      [1, 0],
    ]);
  });

  it('keeps its bridge although it does not name this end', async () => {
    const world = new SimulatedNetwork({ seed: 7 });
    const hosts = [world.host('a'), world.host('b')] as const;
    const settings = { strategies: ['tcp-hole-punching'] };
    const nodes = await start(world, hosts, [{ ...settings, discovery: [naming(hosts[1])] }, settings]);
    await world.until(Promise.all(nodes.map((node) => node.next('bridge.up'))), 30_000);
    await world.run(10 * 60_000);
    expect(nodes.map((node) => [count(node, 'bridge.up'), count(node, 'bridge.down')])).toEqual([
      [1, 0],
      [1, 0],
    ]);
  });

  it('is tried again and again while its agent is not there', async () => {
    const world = new SimulatedNetwork({ seed: 3 });
    const hosts = [world.host('a'), world.host('b')] as const;
    const [a] = await start(world, [hosts[0]], [{ discovery: [naming(hosts[1])] }]);
    await world.run(60_000);
    expect(count(a, 'signalling.failed')).toBeGreaterThan(3);
  });
});

describe('what a source tells', () => {
  it('is bridged when it is true, and let go when it has expired and nothing is going on', async () => {
    const world = new SimulatedNetwork({ seed: 5 });
    const hosts = [world.host('a'), world.host('b')] as const;
    const settings = { strategies: ['tcp-hole-punching'] };
    const source = telling(keyOf(hosts[1]), 5 * 60_000, { again: false }) as DiscoveryDefinition;
    const [a] = await start(world, hosts, [{ ...settings, discovery: ['telling'] }, settings], [source]);
    await world.until(a.next('bridge.up'), 30_000);
    await world.until(a.next('peer.forgotten'), 10 * 60_000);
    await world.run(10 * 60_000);
    expect(count(a, 'bridge.down')).toBe(count(a, 'bridge.up'));
    expect(a.router.peeredWith).toEqual([]);
  });

  it('costs one question when it is false, however often it is told', async () => {
    const world = new SimulatedNetwork({ seed: 6 });
    const source = telling('ee'.repeat(32), 1000, { again: true }) as DiscoveryDefinition;
    const [a] = await start(world, [world.host('a')], [{ discovery: ['sessions', 'telling'] }], [source]);
    await world.run(9 * 60_000);
    expect([count(a, 'signalling.failed'), count(a, 'signalling.connected')]).toEqual([1, 0]);
  });
});

describe('an agent without the source sessions', () => {
  it('does not meet those that its router exchanges traffic with', async () => {
    const world = new SimulatedNetwork({ seed: 4 });
    const hosts = [world.host('a'), world.host('b')] as const;
    const discovery = [naming(world.host('elsewhere'))];
    const [a, b] = await start(world, hosts, [{ discovery }, { discovery }]);
    await a.router.sendTo(b.router.address);
    await world.run(30_000);
    expect([a, b].map((node) => count(node, 'signalling.connected'))).toEqual([0, 0]);
  });
});
