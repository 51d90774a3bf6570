import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { EventName } from '../../../src/core/events.js';
import { Crossing } from '../crossing.js';
import type { Host } from '../host.js';
import { Lab } from '../lab.js';
import { ownedBy } from '../owned-by.js';
import type { LabProcess } from '../process.js';
import { links } from '../round-trips.js';

const args = ['--strategies', 'ratatoskr-strategy-nat-upnp'];

const program = fileURLToPath(new URL('false-gateway.mjs', import.meta.url));

describe.concurrent('agents with the plugin', () => {
  const kinds = ['upnp', 'igdv1'] as const;
  it.for(kinds)('meet at a port that it mapped on a gateway of kind %s, and leave no mapping', async (kind, test) => {
    const crossing = await ownedBy(test, Crossing.prepare({ a: kind, b: 'sym', links, agent: { args } }));
    expect(await crossing.agents.a.event('plugin.loaded')).toMatchObject({ strategy: 'nat-upnp', version: expect.any(String) });
    const report = await crossing.run();
    expect([report.kind, report.strategy]).toEqual(['direct', 'nat-upnp']);
    const gateway = crossing.lab.gateway('ra');
    const [mapping, ...others] = await gateway.mappings();
    expect(others).toEqual([]);
    expect(mapping?.leadsTo).toBe(`192.168.1.2:${mapping?.externalPort}`);
    expect(await crossing.end()).toEqual([]);
    expect(await gateway.mappings()).toEqual([]);
  });

  it.for(kinds)('after a kill -9 behind %s remove the mapping that was left, and bridge again by another', async (kind, test) => {
    const lab = await ownedBy(test, Lab.create({ a: kind, b: 'sym', links }));
    const [a, b] = [lab.a.agent({ args }), lab.b.agent({ args })];
    await Promise.all([a.event('signalling.listening'), b.event('signalling.listening')]);
    await lab.settled();
    const ping = lab.a.pingStream(lab.b.router.address, { intervalMs: 100 });
    await a.event('bridge.up');
    const gateway = lab.gateway('ra');
    const left = await gateway.mappings();
    expect(left).toHaveLength(1);
    await a.kill9();
    expect(await gateway.mappings()).toEqual(left);
    const journal = join(lab.a.folder, 'state', 'plugins', 'nat-upnp', 'nat-upnp.json');
    expect(readFileSync(journal, 'utf8')).toContain(`"externalPort": ${left[0]?.externalPort}`);
    const again = lab.a.agent({ args });
    await again.event('bridge.up', { timeoutMs: 60_000 });
    // What strategies log stands among the events by its own name.
    expect(again.events.map((line) => ({ ...line }))).toContainEqual(
      expect.objectContaining({ event: 'mapping.recovered', strategy: 'nat-upnp', left: 1, removed: 1 }),
    );
    const [mapping, ...others] = await gateway.mappings();
    expect(others).toEqual([]);
    expect(mapping?.externalPort).not.toBe(left[0]?.externalPort);
    await ping.stop();
    await again.terminate();
    expect(await gateway.mappings()).toEqual([]);
    expect(existsSync(journal) && JSON.parse(readFileSync(journal, 'utf8'))).toMatchObject({ mappings: [] });
  });

  it('leave a gateway that takes connections and stalls within the deadline', async (test) => {
    const crossing = await ownedBy(test, Crossing.prepare({ a: 'prc', b: 'sym', links, agent: { args } }));
    const device = await falseGateway(crossing.lab.node('ra'), '192.168.1.1');
    const { a } = crossing.agents;
    const ping = crossing.lab.a.pingStream(crossing.lab.b.router.address, { intervalMs: 100 });
    // What strategies log stands among the events by its own name.
    const reason = await a.event('mapping.none' as EventName, { timeoutMs: 20_000 });
    await ping.stop();
    expect({ ...reason }).toMatchObject({
      strategy: 'nat-upnp',
      code: 'MAPPING_UNSUPPORTED',
      message: expect.stringContaining('nat-upnp: 192.168.1.1 did not answer by UPnP within'),
    });
    await device.line('connection', (line) => line === 'connected' || undefined);
    await device.line('end of the connection', (line) => line === 'closed' || undefined);
  });

  it('do not ask another device that calls itself a gateway', async (test) => {
    const crossing = await ownedBy(test, Crossing.prepare({ a: 'upnp', b: 'sym', links, agent: { args } }));
    const device = await falseGateway(crossing.lab.a, crossing.lab.a.address);
    const report = await crossing.run();
    expect([report.kind, report.strategy]).toEqual(['direct', 'nat-upnp']);
    await device.line('search', (line) => line === 'searched' || undefined);
    expect(device.tail()).not.toContain('connected');
    expect(await crossing.lab.gateway('ra').mappings()).toHaveLength(1);
  });
});

/** A device on a host that calls itself a gateway and stalls. */
async function falseGateway(host: Host, address: string): Promise<LabProcess> {
  const device = host.spawn([process.execPath, program, address], { name: 'false-gateway' });
  await device.line('sign of readiness', (line) => line === 'ready' || undefined);
  return device;
}
