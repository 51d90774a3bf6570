import { type NatBehaviour, SimulatedNetwork, SimulatedNode, serveStun } from '../../../src/testing.js';

export interface Crossing {
  readonly behaviours: readonly [NatBehaviour, NatBehaviour];
  readonly strategy: 'tcp-hole-punching' | 'udp-hole-punching';
  readonly seed?: string;
}

export interface CrossingResult {
  readonly opened: boolean;
  /** Codes with which the attempts failed at either end. */
  readonly failures: readonly string[];
  /** From the first sight of the session to the bridge, in milliseconds. */
  readonly sessionToBridgeMs: number | undefined;
}

/** Two agents behind NATs, with one strategy: is there a bridge in the end? */
export async function cross({ behaviours, strategy, seed = 'grid' }: Crossing): Promise<CrossingResult> {
  const world = new SimulatedNetwork({ seed });
  const stun = [await serveStun(world.host('stun-1', { addresses: 2 })), await serveStun(world.host('stun-2'))];
  const directory = new Map<string, string>();
  const settings = { stun, strategies: [strategy] };
  const start = (behaviour: NatBehaviour, name: string) =>
    SimulatedNode.start(world.nat({ ...behaviour, name: `nat ${name}` }).host(name), directory, settings);
  const nodes = await world.until(Promise.all([start(behaviours[0], 'a'), start(behaviours[1], 'b')]));
  const [a, b] = nodes;
  const stopTraffic = await a.router.sendTo(b.router.address);
  const bridged = Promise.all([a.next('bridge.up'), b.next('bridge.up')]);
  const exhausted = Promise.race([a.next('ladder.exhausted'), b.next('ladder.exhausted')]);
  await world.until(Promise.race([bridged, exhausted]), 60_000);
  stopTraffic();
  await world.until(Promise.all(nodes.map((node) => node.stop())));
  const up = nodes.flatMap(({ events }) =>
    events.flatMap((event) => (event.event === 'bridge.up' ? [event.sinceSessionMs] : [])),
  );
  const failures = nodes.flatMap(({ events }) =>
    events.flatMap((event) => (event.event === 'attempt.failed' ? [event.code] : [])),
  );
  return { opened: up.length === 2, failures, sessionToBridgeMs: up.length === 2 ? Math.max(...up) : undefined };
}
