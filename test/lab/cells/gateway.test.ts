import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { poll } from '../poll.js';
import { directRttMs } from '../round-trips.js';
import { inCell } from './cell.js';

/** Where agents answer STUN for their peers. */
const stunPort = 4703;
const stallingGateway = fileURLToPath(new URL('../stalling-gateway.mjs', import.meta.url));

describe.concurrent('agents with every strategy', () => {
  it.each(['upnp', 'igdv1', 'pmp', 'pcp'] as const)('end up at the port that a gateway of kind %s maps', async (kind) => {
    await inCell({ a: kind, b: 'prc' }, async (crossing) => {
      await crossing.run();
      const { agents, lab } = crossing;
      const where = ({ strategy }: { readonly strategy: string }) => strategy === 'port-mapping';
      const [, far] = await Promise.all([agents.a.event('bridge.up', { where }), agents.b.event('bridge.up', { where })]);
      // The other one leads to where the agent answers STUN.
      const [mapping] = (await lab.gateway('ra').mappings()).filter(({ leadsTo }) => !leadsTo.endsWith(`:${stunPort}`));
      expect(far.remote).toBe(`20.0.1.2:${mapping?.externalPort}`);
      expect(await crossing.end()).toEqual([]);
      expect(await lab.gateway('ra').mappings()).toEqual([]);
    });
  });

  it('punch through a gateway that maps ports behind another NAT, and say why they do not use it', async () => {
    await inCell({ a: 'stacked', b: 'prc' }, async (crossing) => {
      const { strategy, pingAfter } = await crossing.run();
      expect(strategy).toMatch(/-hole-punching$/);
      expect(pingAfter).toBeLessThan(directRttMs);
      const failure = await crossing.agents.a.event('attempt.failed', { where: (line) => line.strategy === 'port-mapping' });
      expect(failure.message).toContain('(NAT_STACKED)');
      expect(await crossing.lab.gateway('qa').mappings()).toEqual([]);
      expect(await crossing.end()).toEqual([]);
    });
  });

  it('do not wait for a gateway that accepts connections and stalls, and leave it none', async () => {
    await inCell({ a: 'prc', b: 'prc' }, async (crossing) => {
      const stalling = crossing.lab.node('ra').spawn([process.execPath, stallingGateway, '192.168.1.1'], { name: 'gateway' });
      await stalling.line('sign of readiness', (line) => line === 'ready' || undefined);
      const { pingAfter } = await crossing.run();
      expect(pingAfter).toBeLessThan(directRttMs);
      const { a } = crossing.agents;
      const failure = await a.event('attempt.failed', { where: (line) => line.strategy === 'port-mapping' });
      const up = await a.event('bridge.up');
      expect(a.events.indexOf(up)).toBeLessThan(a.events.indexOf(failure));
      expect(failure.message).toContain('MAPPING_UNSUPPORTED');
      const said = { connection: 0, closed: 0 };
      stalling.read((line) => {
        if (line === 'connection' || line === 'closed') said[line] += 1;
      });
      expect(said.connection).toBeGreaterThan(0);
      await poll('all connections are closed', () => (said.closed === said.connection ? true : undefined));
      expect(await crossing.end()).toEqual([]);
    });
  });
});
