import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Crossing, CrossingError } from '../crossing.js';
import type { GatewayProcess, NftMapping } from '../gateway-process.js';
import { Lab } from '../lab.js';
import type { NatKindName } from '../nat-kinds.js';
import { ownedBy } from '../owned-by.js';
import { poll } from '../poll.js';
import { directRttMs, links } from '../round-trips.js';

const args = ['--strategies', 'port-mapping'];

/** Those that the strategy made: the agent’s STUN responder has its own. */
async function pathMappings(gateway: GatewayProcess): Promise<readonly NftMapping[]> {
  return (await gateway.mappings()).filter(({ leadsTo }) => !leadsTo.endsWith(':4703'));
}

describe.concurrent('agents that may map ports alone', () => {
  const pairs: readonly (readonly [NatKindName, NatKindName])[] = [
    ['upnp', 'sym'],
    ['igdv1', 'sym'],
    ['pmp', 'sym'],
    ['pcp', 'sym'],
    ['symupnp', 'prc'],
    ['sym', 'public'],
  ];
  it.for(pairs)(
    'behind %s and %s meet at a port that one of them can be reached at, and leave no mapping',
    async ([a, b], test) => {
      const crossing = await ownedBy(test, Crossing.prepare({ a, b, links, agent: { args } }));
      const { kind, strategy, pingAfter, pingsLost } = await crossing.run();
      expect([kind, strategy]).toEqual(['direct', 'port-mapping']);
      expect(pingAfter).toBeLessThan(directRttMs);
      expect(pingsLost).toBe(0);
      if (b !== 'public') expect(await pathMappings(crossing.lab.gateway('ra'))).toHaveLength(1);
      expect(await crossing.end()).toEqual([]);
      if (b !== 'public') expect(await crossing.lab.gateway('ra').mappings()).toEqual([]);
    },
  );

  it('fail with the reasons of both where neither is mapped nor public', async (test) => {
    const crossing = await ownedBy(test, Crossing.prepare({ a: 'prc', b: 'sym', links, agent: { args } }));
    const error = await crossing.run({ timeoutMs: 10_000 }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CrossingError);
    const { failures } = error as CrossingError;
    const reasons = failures.filter(({ code }) => code === 'NO_MAPPING');
    expect(reasons.length).toBeGreaterThan(0);
    for (const { message } of reasons) {
      expect(message).toMatch(/192\.168\.1\.1 maps no ports.*MAPPING_UNSUPPORTED/);
      expect(message).toMatch(/192\.168\.2\.1 maps no ports.*MAPPING_UNSUPPORTED/);
    }
  });

  it('do not offer a gateway that is behind another NAT and calls its address public', async (test) => {
    const crossing = await ownedBy(test, Crossing.prepare({ a: 'stacked', b: 'sym', links, agent: { args } }));
    const gateway = crossing.lab.gateway('qa');
    await gateway.loseAll();
    await gateway.start({ claims: '20.0.77.77' });
    const error = await crossing.run({ timeoutMs: 10_000 }).catch((reason: unknown) => reason);
    const { failures } = error as CrossingError;
    const [reason] = failures.filter(({ code }) => code === 'NO_MAPPING');
    expect(reason?.message).toMatch(/20\.0\.77\.77, and the internet sees 20\.0\.1\.2\. \(NAT_STACKED\)/);
    await poll('the mapping is removed', async () => ((await gateway.mappings()).length === 0 ? true : undefined));
  });

  it('after a kill -9 remove the mapping that was left, and bridge again by another', async (test) => {
    const lab = await ownedBy(test, Lab.create({ a: 'pcp', b: 'sym', links }));
    const [a, b] = [lab.a.agent({ args }), lab.b.agent({ args })];
    await Promise.all([a.event('signalling.listening'), b.event('signalling.listening')]);
    await lab.settled();
    const ping = lab.a.pingStream(lab.b.router.address, { intervalMs: 100 });
    await a.event('bridge.up');
    const gateway = lab.gateway('ra');
    const left = await pathMappings(gateway);
    expect(left).toHaveLength(1);
    await a.kill9();
    expect(await pathMappings(gateway)).toEqual(left);
    const journal = join(lab.a.folder, 'state', 'port-mapping.json');
    expect(readFileSync(journal, 'utf8')).toContain(`"externalPort": ${left[0]?.externalPort}`);
    const again = lab.a.agent({ args });
    await again.event('bridge.up', { timeoutMs: 60_000 });
    // What strategies log stands among the events by its own name.
    expect(again.events.map((line) => ({ ...line }))).toContainEqual(
      expect.objectContaining({ event: 'mapping.recovered', left: 1, removed: 1 }),
    );
    expect(await pathMappings(gateway)).toHaveLength(1);
    await ping.stop();
    await again.terminate();
    expect(await gateway.mappings()).toEqual([]);
    expect(existsSync(journal) && JSON.parse(readFileSync(journal, 'utf8'))).toMatchObject({ mappings: [] });
  });
});
