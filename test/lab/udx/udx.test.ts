import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import type { Host } from '../host.js';
import { Lab, type LabOptions } from '../lab.js';
import type { LabProcess } from '../process.js';

/** Programs of the laboratory start in the root folder. */
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const port = 5001;
const outside = { a: '20.0.1.2', b: '20.0.2.2' } as const;
let lab: Lab | undefined;
afterEach(async () => {
  await lab?.close();
  lab = undefined;
});

/** A round trip of 40 ms between the sites. */
async function open(options: LabOptions & { loss?: number }): Promise<Lab> {
  const { loss = 0, ...rest } = options;
  const link = { delayMs: 10, loss, kbitPerSecond: 100_000, queueBytes: 500_000 };
  lab = await Lab.create({ routers: false, turn: false, links: { a: link, b: { ...link, loss: 0 } }, ...rest });
  return lab;
}

function start(host: Host, task: string, bytes = 0): LabProcess {
  const side = host.name === 'ha' ? 'a' : 'b';
  const program = new URL('end.ts', import.meta.url).pathname;
  const args = [side, String(port), outside[side === 'a' ? 'b' : 'a'], String(port), task, String(bytes)];
  return host.spawn([process.execPath, '--import', tsx, program, ...args], { name: `udx-${task}` });
}

interface Said {
  readonly event: string;
  readonly sha256?: string;
  readonly code?: string;
  readonly grown?: number;
  readonly look?: number;
  readonly written?: number;
  readonly answers?: number;
  readonly descriptorsLeft?: number;
}

function heard(end: LabProcess, event: string, fits: (said: Said) => boolean = () => true, timeoutMs = 60_000): Promise<Said> {
  const find = (line: string) => {
    if (!line.startsWith('{')) return undefined;
    const said = JSON.parse(line) as Said;
    return said.event === event && fits(said) ? said : undefined;
  };
  return end.line(event, find, { timeoutMs });
}

/** How many answers `end` has had by now, and one that comes later. */
async function answerAfter(end: LabProcess, timeoutMs: number): Promise<void> {
  let latest = 0;
  const stop = end.read((line) => {
    const said = line.startsWith('{') ? (JSON.parse(line) as Said) : undefined;
    latest = said?.answers ?? latest;
  });
  stop();
  // What was under way when the path changed may still arrive: a second's worth, and then one more.
  await heard(end, 'answers', ({ answers = 0 }) => answers > latest + 25, timeoutMs);
}

/** The router of site a forgets its mappings and gives new ones another port. */
async function takeAnotherPort(lab: Lab): Promise<void> {
  const rule = 'insert rule inet lab postrouting oifname wan meta l4proto udp masquerade to :40999';
  await lab.node('ra').exec(['nft', ...rule.split(' ')]);
  await lab.node('ra').exec(['conntrack', '-F']);
}

describe('a stream over UDP between two NATs', () => {
  it.each([0.01, 0.03])('carries 16 MiB both ways at once, with loss of %f', async (loss) => {
    const { a, b } = await open({ a: 'prc', b: 'prc', loss });
    const ends = [start(a, 'exchange', 16 << 20), start(b, 'exchange', 16 << 20)] as const;
    const [sentA, sentB, receivedA, receivedB] = await Promise.all([
      ...ends.map((end) => heard(end, 'sending')),
      ...ends.map((end) => heard(end, 'received')),
    ]);
    expect([receivedA?.sha256, receivedB?.sha256]).toEqual([sentB?.sha256, sentA?.sha256]);
    const closed = await Promise.all(ends.map((end) => heard(end, 'closed')));
    // One that the loader had open at the start may be gone as well.
    for (const { descriptorsLeft } of closed) expect(descriptorsLeft).toBeLessThanOrEqual(0);
    const exits = await Promise.all(ends.map(({ exited }) => exited));
    expect(exits.map(({ code }) => code)).toEqual([0, 0]);
  });

  it('blocks a sender whose reader does not read, which grows by less than 8 MB', async () => {
    const { a, b } = await open({ a: 'prc', b: 'prc' });
    const reader = start(b, 'stall');
    const writer = start(a, 'push', 200_000_000);
    expect((await heard(writer, 'blocked')).written).toBeLessThan(4_000_000);
    expect((await heard(reader, 'memory', ({ look }) => look === 7)).grown).toBeLessThan(8_000_000);
  });

  it('notices within 5 s that the other end has vanished', async () => {
    const { a, b } = await open({ a: 'prc', b: 'prc' });
    const [one, other] = [start(a, 'ask'), start(b, 'answer')];
    await heard(one, 'answers');
    await other.kill('SIGKILL');
    expect((await heard(one, 'error', undefined, 5000)).code).toBe('ETIMEDOUT');
  });

  it('survives that its NAT takes another port, where the other’s lets the new one in', async () => {
    const { a, b } = await open({ a: 'prc', b: 'cone' });
    const one = start(a, 'ask');
    start(b, 'answer');
    await heard(one, 'answers');
    await takeAnotherPort(lab as Lab);
    await answerAfter(one, 4000);
  });

  it('survives that its host takes another address', async () => {
    const { a, b } = await open({ a: 'prc', b: 'cone' });
    const one = start(a, 'ask');
    start(b, 'answer');
    await heard(one, 'answers');
    const move =
      'ip addr del 192.168.1.2/24 dev wan && ip addr add 192.168.1.77/24 dev wan && ip route add default via 192.168.1.1';
    await a.exec(['sh', '-c', move]);
    await answerAfter(one, 4000);
  });

  it('ends, rather than hang, when its NAT takes another port and the other’s knows only the old one', async () => {
    const { a, b } = await open({ a: 'prc', b: 'prc' });
    const [one, other] = [start(a, 'ask'), start(b, 'answer')];
    await heard(one, 'answers');
    await takeAnotherPort(lab as Lab);
    const errors = await Promise.all([one, other].map((end) => heard(end, 'error', undefined, 6000)));
    expect(errors.map(({ code }) => code)).toEqual(['ETIMEDOUT', 'ETIMEDOUT']);
  });
});
