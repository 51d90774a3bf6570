import { describe, expect, it } from 'vitest';
import { Crossing } from '../crossing.js';
import type { NatKindName } from '../nat-kinds.js';
import { ownedBy } from '../owned-by.js';
import { directRttMs, links } from '../round-trips.js';
import { punchPair } from './punch-pair.js';

const agent = { args: ['--strategies', 'udp-hole-punching'] };

describe.concurrent('agents that may use UDP alone', () => {
  const pairs: readonly (readonly [NatKindName, NatKindName])[] = [
    ['prc', 'prc'],
    ['fw', 'cone'],
    ['cgnat', 'prcrst'],
    ['sym', 'public'],
    ['sym', 'cone'],
    ['sym', 'prc'],
  ];
  it.for(pairs)('get a direct path between %s and %s, lose no packet and leave nothing behind', async ([a, b], test) => {
    const crossing = await ownedBy(test, Crossing.prepare({ a, b, links, agent }));
    const { kind, strategy, pingAfter, pingsLost } = await crossing.run();
    expect([kind, strategy]).toEqual(['direct', 'udp-hole-punching']);
    expect(pingAfter).toBeLessThan(directRttMs);
    expect(pingsLost).toBe(0);
    expect(await crossing.end()).toEqual([]);
  });

  it.for([
    ['sym', 'sym', 'DOUBLE_RANDOM_NAT'],
    ['udpblock', 'prc', 'UDP_BLOCKED'],
  ] as const)('say at once why there is none between %s and %s: %s', async ([a, b, code], test) => {
    const crossing = await ownedBy(test, Crossing.prepare({ a, b, links, agent, controlling: 'a' }));
    const { lab, agents } = crossing;
    const ping = lab.a.pingStream(lab.b.router.address, { intervalMs: 200 });
    const failed = await agents.a.event('attempt.failed', { timeoutMs: 20_000 });
    await ping.stop();
    expect(failed.code).toBe(code);
    // A second of silence is what it takes to know that UDP is blocked.
    expect(failed.durationMs).toBeLessThan(code === 'UDP_BLOCKED' ? 2500 : 1000);
  });

  it('and map ports punch from a mapped one where no other way leads to it, and give it back', async (test) => {
    const args = ['--strategies', 'udp-hole-punching,port-mapping'];
    const crossing = await ownedBy(test, Crossing.prepare({ a: 'symupnp', b: 'sym', links, agent: { args } }));
    const { ends, strategy } = await crossing.run();
    expect(strategy).toBe('udp-hole-punching');
    const gateway = crossing.lab.gateway('ra');
    expect((await gateway.mappings()).map(({ transport }) => transport)).toContain('udp');
    expect(ends.a.local).toMatch(/^192\.168\.1\.2:/);
    expect(await crossing.end()).toEqual([]);
    expect(await gateway.mappings()).toEqual([]);
  });
});

describe('a birthday', () => {
  it('meets whichever end controls, and with packets lost', async () => {
    const pairs = await Promise.all([
      punchPair({ a: 'sym', b: 'prc', attempts: 4, loss: 0.03 }),
      punchPair({ a: 'prc', b: 'sym', attempts: 4, loss: 0.03 }),
    ]);
    for (const { a, b } of pairs.flat()) {
      expect([a.plan, b.plan]).toEqual(['birthday', 'birthday']);
      expect([a.said, b.said]).toEqual(['controlled', 'controlling']);
    }
  });

  it('is not needed where checks are enough', async () => {
    const [report] = await punchPair({ a: 'sym', b: 'cone' });
    expect(report?.a.said).toBe('controlled');
    expect(report?.a.sent).toBeLessThan(40);
    expect(report?.b.sent).toBeLessThan(40);
  });
});
