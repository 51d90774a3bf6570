import { SimulatedNetwork, SimulatedNode, serveStun, serveTurn } from '../../../src/testing.js';
import { kinds } from './kinds.js';

/** Strategy and kind of the path that carries a bridge in the end: `relay, relayed`; `none` where there is no bridge. */
export type KernelOutcome = string;

/** Two agents of these kinds, with all strategies and the servers that the laboratory has too. */
export async function simulate(a: string, b: string): Promise<KernelOutcome> {
  // The overlay's round trip, as it was measured.
  const world = new SimulatedNetwork({ seed: `${a} ${b}`, overlay: { delayMs: 61 } });
  const stun = [await serveStun(world.host('stun-1', { addresses: 2 })), await serveStun(world.host('stun-2'))];
  const relay = { use: 'always' as const, turn: [await serveTurn(world.host('turn', { line: { delayMs: 20 } }))] };
  const directory = new Map<string, string>();
  const start = (kind: string, name: string) => {
    const host = kinds[kind]?.(world, name);
    if (!host) throw new RangeError(`There is no kind ${kind}.`);
    return SimulatedNode.start(host, directory, { stun, relay });
  };
  const [near, far] = await world.until(Promise.all([start(a, 'a'), start(b, 'b')]));
  await near.router.sendTo(far.router.address);
  const exhausted = [near.next('ladder.exhausted'), far.next('ladder.exhausted')];
  await world.until(Promise.race([near.next('bridge.up'), ...exhausted]), 60_000);
  // A better one may take the place of the first.
  await world.run(5000);
  const up = near.events.flatMap((event) => (event.event === 'bridge.up' ? [event] : [])).at(-1);
  await world.until(Promise.all([near.stop(), far.stop()]));
  return up ? `${up.strategy}, ${up.kind}` : 'none';
}
