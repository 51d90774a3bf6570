import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentProcess } from '../agent-process.js';
import type { Host } from '../host.js';
import { Lab } from '../lab.js';
import { median } from '../ping.js';
import { poll } from '../poll.js';

/** The public peer is far from both hosts, and they are near each other. */
const links = { a: 5, b: 5, p: 30 };
/** What a round trip over the bridge stays under, which takes 20, in milliseconds. */
const overBridgeMs = 40;
/** Half-way to one by the public peer, which takes 140. */
const directRttMs = 80;
/** Half of what a detour over the bridge adds to a round trip from the public peer, in milliseconds. */
const unmovedMs = 10;
/** What a router reckons for a link whose other end has not answered its request to be a parent (ironwood, routerUnknownLatency). */
const unknownCost = 4000;
const args = ['--strategies', 'tcp-hole-punching'];

describe('a bridge', () => {
  let lab: Lab;
  beforeEach(async () => {
    lab = await Lab.create({ a: 'prc', b: 'prc', links });
  });
  afterEach(() => lab?.close());

  async function bridged(configA: object = {}): Promise<[AgentProcess, AgentProcess]> {
    writeFileSync(join(lab.a.folder, 'agent.conf'), JSON.stringify(configA));
    const a = lab.a.agent({ args: ['--config', `${lab.a.insideFolder}/agent.conf`, ...args] });
    const b = lab.b.agent({ args });
    await Promise.all([a.event('signalling.listening'), b.event('signalling.listening')]);
    await lab.settled();
    const ping = lab.a.pingStream(lab.b.router.address, { intervalMs: 100 });
    await Promise.all([a.event('bridge.up'), b.event('bridge.up')]);
    await ping.reply(({ rttMs }) => rttMs < overBridgeMs);
    await ping.stop();
    return [a, b];
  }

  /** The cost of the bridge at a router. */
  async function costAt(host: Host): Promise<number> {
    const bridge = (await host.router.peers()).find(({ remote }) => remote?.startsWith('unix://'));
    return (bridge as { cost?: number } | undefined)?.cost ?? 0;
  }

  /** Shortest round trip over the overlay from the public peer, in milliseconds: a busy machine delays some pings, but hurries none. */
  async function fromPublicPeer(host: Host): Promise<number> {
    const { rttsMs } = await lab.p.ping(host.router.address, { count: 10, intervalMs: 100 });
    return Math.min(...rttsMs);
  }

  /** Ends the bridge. @returns what went over it */
  async function endBridge([a, b]: [AgentProcess, AgentProcess]) {
    await a.terminate();
    return [await a.event('bridge.down'), await b.event('bridge.down')] as const;
  }

  async function treeAt(host: Host): Promise<readonly string[]> {
    const { tree } = (await host.router.admin('gettree')) as { tree: { key: string; parent: string }[] };
    return tree.map(({ key, parent }) => `${key.slice(0, 8)} under ${parent.slice(0, 8)}`).sort();
  }

  it('is no part of the tree, carries nobody else’s traffic and moves nobody else’s', async () => {
    await lab.settled();
    const treeBefore = await treeAt(lab.p);
    const rttsBefore = [await fromPublicPeer(lab.a), await fromPublicPeer(lab.b)];
    const agents = await bridged();
    expect(await Promise.all(agents.map((agent) => agent.event('bridge.up')))).toMatchObject([
      { hidden: true },
      { hidden: true },
    ]);
    const rttsAfter = [await fromPublicPeer(lab.a), await fromPublicPeer(lab.b)];
    for (const [index, before] of rttsBefore.entries()) {
      expect(Math.abs((rttsAfter[index] ?? Number.NaN) - before)).toBeLessThan(unmovedMs);
    }
    expect(await treeAt(lab.p)).toEqual(treeBefore);
    expect(await costAt(lab.a)).toBeGreaterThan(unknownCost);
    expect(await costAt(lab.b)).toBeGreaterThan(unknownCost);
    for (const { dropped, transitIn, transitOut } of await endBridge(agents)) {
      expect(dropped).toBeGreaterThan(0);
      expect([transitIn, transitOut]).toEqual([0, 0]);
    }
  });

  it('outlives idling, and the routers’ building the tree anew', { timeout: 180_000 }, async () => {
    const agents = await bridged();
    await delay(12_000);
    // Without their parent both routers ask whom they have, the bridge too; who is not answered is cut off after 3 s.
    await lab.p.router.kill9();
    await delay(6000);
    await lab.p.router.start();
    await lab.p.router.connected(2);
    await delay(6000);
    expect(agents.flatMap((agent) => agent.events.filter(({ event }) => event === 'bridge.down'))).toEqual([]);
    const { rttsMs } = await lab.a.ping(lab.b.router.address, { count: 5 });
    expect(Math.min(...rttsMs)).toBeLessThan(overBridgeMs);
    expect(median(rttsMs)).toBeLessThan(directRttMs);
    // One request each when the bridge came up, and one more at least of the end that needs another parent.
    const [downA, downB] = await endBridge(agents);
    expect(downA.dropped + downB.dropped).toBeGreaterThan(2);
  });

  it('is a link like any other when one end wants it so', async () => {
    const agents = await bridged({ bridge: { hidden: false } });
    expect(await Promise.all(agents.map((agent) => agent.event('bridge.up')))).toMatchObject([
      { hidden: false },
      { hidden: false },
    ]);
    await poll('both routers have their answer', async () => {
      const costs = [await costAt(lab.a), await costAt(lab.b)];
      return costs.every((cost) => cost > 0 && cost < unknownCost) || undefined;
    });
    for (const { dropped } of await endBridge(agents)) expect(dropped).toBe(0);
  });
});
