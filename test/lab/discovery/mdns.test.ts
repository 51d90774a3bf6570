import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { Host } from '../host.js';
import { Lab } from '../lab.js';

let lab: Lab | undefined;
afterEach(async () => {
  await lab?.close();
  lab = undefined;
});

/** An agent that knows its own network and nothing else: no sessions, no STUN. */
function agent(host: Host, strategy: string) {
  writeFileSync(join(host.folder, 'agent.conf'), JSON.stringify({ discovery: ['mdns'], strategies: [strategy] }));
  return host.agent({ stun: 'none', args: ['--config', `${host.insideFolder}/agent.conf`] });
}

it.each(['tcp-hole-punching', 'udp-hole-punching'] as const)(
  'two agents on one network behind a NAT without hairpin find each other and bridge over its addresses within 2 s (%s)',
  async (strategy) => {
    lab = await Lab.create({ a: 'prc', sharing: 'network', turn: false });
    const { a, b } = lab;
    await lab.settled();
    const first = agent(a, strategy);
    await first.event('signalling.listening');
    const second = agent(b, strategy);
    const start = await second.event('router.connected');
    const ups = await Promise.all([first.event('bridge.up'), second.event('bridge.up')]);
    expect(ups).toMatchObject([
      { kind: 'direct', strategy, peer: { key: b.router.key }, remote: expect.stringMatching(/^192\.168\.1\.3:/) },
      { kind: 'direct', strategy, peer: { key: a.router.key }, remote: expect.stringMatching(/^192\.168\.1\.2:/) },
    ]);
    for (const { time } of ups) expect(time - start.time).toBeLessThan(2000);
    expect(await second.event('peer.found')).toMatchObject({ source: 'mdns', peer: { key: a.router.key } });
  },
);
