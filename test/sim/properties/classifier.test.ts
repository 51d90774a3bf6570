import fc from 'fast-check';
import { expect, it } from 'vitest';
import { examineNat } from '../../../src/discovery/nat-behaviour/examine-nat.js';
import { type Dependence, type NatBehaviour, SimulatedNetwork, serveStun } from '../../../src/testing.js';

const dependence = fc.constantFrom<Dependence>('endpoint-independent', 'address-dependent', 'address-and-port-dependent');
const nat = fc.record({
  mapping: dependence,
  filtering: dependence,
  allocation: fc.constantFrom('preserving' as const, 'sequential' as const, 'random' as const),
  hairpinning: fc.boolean(),
  udpLifetimeMs: fc.constantFrom(20_000, 120_000),
  pool: fc.constantFrom(1, 3),
});

/** What RFC 5780 can see of a NAT. One that preserves ports gives a socket the same port for all destinations, whatever it maps by. */
function visible({
  mapping,
  filtering,
  allocation,
  hairpinning,
}: Required<Pick<NatBehaviour, 'mapping' | 'filtering' | 'allocation' | 'hairpinning'>>) {
  return {
    translated: 'yes',
    mapping: allocation === 'preserving' ? 'endpoint-independent' : mapping,
    filtering,
    // Where both depend on the destination, the filter is in the way of who would see.
    hairpinning:
      allocation !== 'preserving' && mapping !== 'endpoint-independent' && filtering !== 'endpoint-independent'
        ? 'unknown'
        : hairpinning
          ? 'yes'
          : 'no',
    portPreservation: allocation === 'preserving' ? 'yes' : 'no',
    portAllocation: allocation === 'sequential' ? { kind: 'sequential', delta: 1 } : { kind: allocation },
    severalAddresses: 'no',
    doubtful: [],
  };
}

it('tells how any simulated NAT behaves', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(nat, fc.integer(), async (behaviour, seed) => {
      const world = new SimulatedNetwork({ seed });
      const servers = [await serveStun(world.host('stun', { addresses: 2 })), await serveStun(world.host('other stun'))];
      const { net, clock, random } = world.nat(behaviour).host('a');
      const examination = examineNat({ net, clock, random, servers, family: 4, idleMs: [30_000] });
      const { behaviour: found, rfc5780 } = await world.until(examination);
      expect(rfc5780).toBe(true);
      expect(found).toMatchObject(visible(behaviour));
      expect(found.lifetime).toEqual(behaviour.udpLifetimeMs > 30_000 ? { aliveMs: 30_000 } : { goneMs: 30_000 });
    }),
    { seed: 5780, numRuns: 150 },
  );
});
