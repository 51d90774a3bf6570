/**
 * Watches a bridge for long: node scripts/hidden-watch.mjs [--minutes <n>] [--open]
 * The public peer talks with both ends all the time, and the ends with each other now and then, through several of the routers'
 * refreshes (four minutes each). Exits with 1 when the bridge went down or, unless it is open, carried a stranger's frame, changed the
 * tree or moved others' round trips.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { AgentProcess } from './agent-process.js';
import type { Host } from './host.js';
import { Lab } from './lab.js';
import { median } from './ping.js';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '11' }, open: { type: 'boolean', default: false } },
});
const minutes = Number(values.minutes);
const lab = await Lab.create({ a: 'prc', b: 'prc', links: { a: 5, b: 5, p: 30 }, controlling: 'a' });
try {
  const config = JSON.stringify({ bridge: { hidden: !values.open }, sessions: { idleTimeout: '1d' } });
  const agents = [lab.a, lab.b].map((host) => {
    writeFileSync(join(host.folder, 'agent.conf'), config);
    return host.agent({ args: ['--config', `${host.insideFolder}/agent.conf`, '--strategies', 'tcp-hole-punching'] });
  }) as [AgentProcess, AgentProcess];
  await Promise.all(agents.map((agent) => agent.event('signalling.listening')));
  await lab.settled();
  const before = { tree: await tree(lab.p), a: await rtt(lab.a), b: await rtt(lab.b) };
  const first = lab.a.pingStream(lab.b.router.address);
  await Promise.all(agents.map((agent) => agent.event('bridge.up')));
  await first.stop();
  // A session, and so its bridge, ends after a minute of silence; the link has no other traffic.
  const ping = lab.a.pingStream(lab.b.router.address, { intervalMs: 20_000 });
  const steady = [lab.a, lab.b].map((host) => lab.p.pingStream(host.router.address, { intervalMs: 500 }));
  const changes: string[] = [];
  for (let minute = 1; minute <= minutes; minute++) {
    await delay(60_000);
    const now = await tree(lab.p);
    if (now !== before.tree) changes.push(`minute ${minute}: ${now}`);
    console.log(`minute ${minute}: ${now === before.tree ? 'the tree is as it was' : 'the tree has changed'}`);
  }
  await Promise.all([ping, ...steady].map((each) => each.stop()));
  const after = { a: await rtt(lab.a), b: await rtt(lab.b) };
  const early = agents.flatMap((agent) => agent.events.filter(({ event }) => event === 'bridge.down'));
  await agents[0].terminate();
  const downs = await Promise.all(agents.map((agent) => agent.event('bridge.down')));
  const transit = downs.reduce((sum, { transitIn }) => sum + transitIn, 0);
  console.log(`tree at first: ${before.tree}`);
  for (const change of changes) console.log(change);
  console.log(`the public peer's round trips: a ${before.a} ms before and ${after.a} after, b ${before.b} and ${after.b}`);
  console.log(
    `bridge: ${early.length === 0 ? 'up all the time' : 'went down'}, lost pings ${ping.lost} of ${ping.replies.length}`,
  );
  console.log(`frames left out ${downs.map(({ dropped }) => dropped).join(' and ')}, strangers' frames ${transit}`);
  const moved = Math.max(Math.abs(after.a - before.a), Math.abs(after.b - before.b)) > 15;
  if (early.length > 0 || (!values.open && (transit > 0 || changes.length > 0 || moved))) process.exitCode = 1;
} finally {
  await lab.close();
}

async function rtt(host: Host): Promise<number> {
  const { rttsMs } = await lab.p.ping(host.router.address, { count: 15, intervalMs: 100 });
  return Math.round(median(rttsMs) ?? Number.NaN);
}

/** Who is under whom, as the public peer sees it. */
async function tree(host: Host): Promise<string> {
  const names = new Map([lab.a, lab.b, lab.p].map(({ name, router }) => [router.key, name]));
  const { tree: entries } = (await host.router.admin('gettree')) as { tree: { key: string; parent: string }[] };
  const lines = entries.map(({ key, parent }) => `${names.get(key)} under ${names.get(parent)}`);
  return lines.sort().join(', ');
}
