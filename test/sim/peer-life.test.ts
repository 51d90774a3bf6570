import { describe, expect, it } from 'vitest';
import type { AgentEvent, EventName } from '../../src/core/events.js';
import {
  type AgentSettings,
  type Host,
  type PacketFilter,
  SimulatedNetwork,
  SimulatedNode,
  serveStun,
  serveTurn,
} from '../../src/testing.js';

/** Two agents behind NATs, and servers; the controlling end is the first that is given back. */
async function pair(settings: AgentSettings, seed = 1) {
  const world = new SimulatedNetwork({ seed });
  const servers = [world.host('stun-1', { addresses: 2 }), world.host('stun-2'), world.host('turn')] as const;
  const stun = [await serveStun(servers[0]), await serveStun(servers[1])];
  const relay = { use: 'always' as const, turn: [await serveTurn(servers[2])] };
  const directory = new Map<string, string>();
  const start = (host: Host) => SimulatedNode.start(host, directory, { stun, relay, ...settings });
  const nodes = await world.until(Promise.all([start(world.nat().host('a')), start(world.nat().host('b'))]));
  const [controlling, controlled] = nodes.sort((one, other) => (one.router.key < other.router.key ? -1 : 1));
  if (!controlling || !controlled) throw new Error('There are two.');
  const addresses = new Set(servers.flatMap((host) => host.addresses));
  /** What goes between the two alone. */
  const isBetween: PacketFilter = ({ source, destination }) =>
    !addresses.has(source.address) && !addresses.has(destination.address);
  return { world, controlling, controlled, isBetween };
}

function all<Name extends EventName>({ events }: SimulatedNode, name: Name) {
  return events.filter((event): event is Extract<AgentEvent, { event: Name }> => event.event === name);
}

describe('a peer', () => {
  it('that withdraws an offer leaves nothing to tell of', async () => {
    const { world, controlling, controlled } = await pair({ strategies: ['tcp-hole-punching', 'udp-hole-punching', 'relay'] });
    await controlling.router.sendTo(controlled.router.address);
    await world.run(20_000);
    expect(all(controlled, 'bridge.up')).not.toEqual([]);
    expect(all(controlled, 'attempt.failed').map(({ code }) => code)).toContain('PEER_ENDED');
    expect(all(controlled, 'peer.resting')).toEqual([]);
  });

  it('that came to nothing for half a minute makes room for a newcomer, and bridged ones keep their place', async () => {
    const world = new SimulatedNetwork();
    const directory = new Map<string, string>();
    const start = (name: string, strategy = 'tcp-hole-punching') =>
      SimulatedNode.start(world.host(name), directory, { strategies: [strategy], signalling: { maxPeers: 2 } });
    const starting = [start('hub'), start('bridged'), start('unlike', 'udp-hole-punching'), start('newcomer')] as const;
    const [hub, bridged, unlike, newcomer] = await world.until(Promise.all(starting));
    const bridgedWith = () => all(hub, 'bridge.up').map(({ peer }) => peer.address);
    await hub.router.sendTo(bridged.router.address);
    await world.until(hub.next('bridge.up'));
    await hub.router.sendTo(unlike.router.address);
    await world.run(5000);
    await hub.router.sendTo(newcomer.router.address);
    await world.run(20_000);
    expect(bridgedWith()).toEqual([bridged.router.address]);
    await world.run(30_000);
    expect(bridgedWith()).toEqual([bridged.router.address, newcomer.router.address]);
    expect(all(hub, 'session.ended').map(({ peer }) => peer.address)).toEqual([unlike.router.address]);
    expect(all(hub, 'bridge.down')).toEqual([]);
  });

  it('behind a relay is tried for a direct path with growing pauses, until there is one', async () => {
    const { world, controlling, controlled, isBetween } = await pair({ strategies: ['tcp-hole-punching', 'relay'] });
    const open = world.router.filter((packet, direction) => !isBetween(packet, direction));
    await controlling.router.sendTo(controlled.router.address);
    await world.until(controlling.next('bridge.up'));
    expect(all(controlling, 'bridge.up')).toMatchObject([{ strategy: 'relay', kind: 'relayed' }]);
    await world.run(150_000);
    const tries = all(controlling, 'attempt.started').filter(({ strategy }) => strategy === 'tcp-hole-punching');
    const pauses = tries.slice(1).map(({ time }, index) => time - (tries[index]?.time ?? 0));
    expect(pauses.length).toBeGreaterThanOrEqual(3);
    expect(pauses.slice(1).filter((pause, index) => pause < (pauses[index] ?? 0))).toEqual([]);
    open();
    await world.run(120_000);
    expect(all(controlling, 'bridge.up').at(-1)).toMatchObject({ strategy: 'tcp-hole-punching', kind: 'direct' });
    expect(all(controlling, 'bridge.down')).toMatchObject([{ strategy: 'relay', code: 'PATH_SUPERSEDED' }]);
  });

  it('is met the next time by what worked the last time', async () => {
    const { world, controlling, controlled, isBetween } = await pair({ strategies: ['tcp-hole-punching', 'udp-hole-punching'] });
    const open = world.router.filter((packet, direction) => packet.protocol === 'udp' || !isBetween(packet, direction));
    await controlling.router.sendTo(controlled.router.address);
    await world.until(controlling.next('bridge.up'));
    open();
    const before = all(controlling, 'attempt.started');
    controlling.router.kill();
    await world.run(30_000);
    const [again] = all(controlling, 'attempt.started').slice(before.length);
    expect(before[0]?.strategy).toBe('tcp-hole-punching');
    expect(again?.strategy).toBe('udp-hole-punching');
  });

  it('whose path was lost is tried again at once, for what went over it, and then not until there is more', async () => {
    const { world, controlling, controlled, isBetween } = await pair({ strategies: ['tcp-hole-punching'] });
    const stop = await controlling.router.sendTo(controlled.router.address);
    await world.until(controlling.next('bridge.up'));
    await world.run(2000);
    stop();
    world.router.filter((packet, direction) => !isBetween(packet, direction));
    const { time: downAt } = await world.until(controlling.next('bridge.down'));
    await world.run(30_000);
    const tries = all(controlling, 'attempt.started').filter(({ time }) => time > downAt);
    expect(tries).toHaveLength(1);
    expect((tries[0]?.time ?? Number.POSITIVE_INFINITY) - downAt).toBeLessThan(500);
  });

  it('is left alone for longer after each failure, never for exactly as long', async () => {
    const { world, controlling, controlled, isBetween } = await pair({ strategies: ['tcp-hole-punching'] });
    world.router.filter((packet, direction) => !isBetween(packet, direction));
    await controlling.router.sendTo(controlled.router.address);
    await world.run(300_000);
    const pauses = all(controlling, 'ladder.exhausted').map(({ retryInMs }) => retryInMs);
    expect(pauses.length).toBeGreaterThanOrEqual(5);
    const ofDue = pauses.map((pause, index) => pause / (250 * 2 ** index));
    expect(ofDue.filter((part) => part < 0.75 || part > 1.25)).toEqual([]);
    expect(new Set(ofDue).size).toBe(pauses.length);
  });

  it('is tried at once, and often again, when this machine comes to another network', async () => {
    const { world, controlling, controlled, isBetween } = await pair({ strategies: ['tcp-hole-punching'] });
    const open = world.router.filter((packet, direction) => !isBetween(packet, direction));
    await controlling.router.sendTo(controlled.router.address);
    const rests = () => all(controlling, 'ladder.exhausted');
    while ((rests().at(-1)?.retryInMs ?? 0) < 30_000) await world.run(1000);
    const changedAt = world.clock.wallTime();
    controlling.host.readdress();
    await world.run(20_000);
    expect(all(controlling, 'network.changed')).toHaveLength(1);
    const [first] = all(controlling, 'attempt.started').filter(({ time }) => time > changedAt);
    expect((first?.time ?? Number.POSITIVE_INFINITY) - changedAt).toBeLessThan(2000);
    expect(rests().find(({ time }) => time > changedAt)?.retryInMs).toBeLessThan(400);
    open();
    await world.run(60_000);
    expect(all(controlling, 'bridge.up')).not.toEqual([]);
  });
});
