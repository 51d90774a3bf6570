import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import type { EventName } from '../../../src/core/events.js';
import { Crossing } from '../crossing.js';
import { Lab } from '../lab.js';
import { links } from '../round-trips.js';
import { publicAddresses } from '../topology.js';

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/plugins/${name}.mjs`, import.meta.url));
const cli = fileURLToPath(new URL('../../../dist/cli.js', import.meta.url));

let crossing: Crossing | undefined;
let lab: Lab | undefined;
afterEach(async () => {
  await crossing?.close();
  await lab?.close();
  [crossing, lab] = [undefined, undefined];
});

it('plugins that throw, answer with garbage, hang and flood the log keep no one from a bridge, nor the agent from its end', async () => {
  const names = ['throws-in-create', 'attempts-garbage', 'hangs-in-attempt'].map(fixture);
  const args = ['--strategies', [...names, 'tcp-hole-punching'].join(',')];
  crossing = await Crossing.prepare({ links, controlling: 'a', agent: { args } });
  const { a } = crossing.agents;
  expect(await a.event('plugin.failed')).toMatchObject({ plugin: names[0], code: 'PLUGIN_CREATE_FAILED' });
  const report = await crossing.run();
  expect([report.kind, report.strategy]).toEqual(['direct', 'tcp-hole-punching']);
  // The end that finds out first tells the other.
  const where = ({ strategy }: { strategy: string }) => strategy === 'attempts-garbage';
  const codes = await Promise.all(
    [a, crossing.agents.b].map(async (agent) => (await agent.event('attempt.failed', { where })).code),
  );
  expect(codes).toContain('PLUGIN_MISBEHAVED');
  expect({ ...(await a.event('plugin.log-flooded' as EventName)) }).toMatchObject({ strategy: 'hangs-in-attempt', dropped: 80 });
  expect(await crossing.end()).toEqual([]);
  expect(a.events.map((line) => ({ ...line }))).toContainEqual(
    expect.objectContaining({ event: 'strategy.close-failed', strategy: 'hangs-in-attempt', code: 'PLUGIN_MISBEHAVED' }),
  );
});

it('`ratatoskr strategies` tells what is usable here, and leaves nothing behind', async () => {
  lab = await Lab.create({ a: 'upnp', b: 'public', routers: false, turn: false });
  const strategies = ['ratatoskr-strategy-nat-upnp', fixture('hangs-in-attempt'), fixture('no-create'), 'tcp-hole-punching'];
  const stateDir = `${lab.a.insideFolder}/survey`;
  const input = JSON.stringify({ strategies, stateDir, stun: [`${publicAddresses[0]}:3478`] });
  // One that cannot be loaded is exit code 1.
  const command = ['sh', '-c', '"$0" "$@"; test $? = 1', process.execPath, cli, 'strategies', '--json', '--config', '-'];
  const rows = JSON.parse(await lab.a.exec(command, { input }));
  const upnp = 'The gateway 192.168.1.1 maps ports by';
  expect(rows).toMatchObject([
    { order: 1, name: 'nat-upnp', origin: 'package', usable: 'yes', reason: `${upnp} nat-upnp.` },
    {
      order: 2,
      name: 'hangs-in-attempt',
      origin: 'path',
      usable: 'unknown',
      reason: expect.stringContaining('did not end its probe'),
    },
    { order: 3, name: fixture('no-create'), origin: 'path', usable: 'no', code: 'PLUGIN_INVALID', help: expect.any(String) },
    { order: 4, name: 'tcp-hole-punching', origin: 'built-in', enabled: true },
    { order: null, name: 'port-mapping', origin: 'built-in', enabled: false, usable: 'yes', reason: `${upnp} upnp.` },
    { order: null, name: 'udp-hole-punching', enabled: false },
    { order: null, name: 'relay', enabled: false },
  ]);
  expect(await lab.gateway('ra').mappings()).toEqual([]);
  expect(existsSync(join(lab.a.folder, 'survey'))).toBe(false);
});
