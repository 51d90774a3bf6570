import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { publicAddresses } from '../topology.js';
import { BesiegedLab, strangersAddress } from './besieged-lab.js';
import { HostileAttempt } from './hostile-attempt.js';

let lab: BesiegedLab;
beforeAll(async () => {
  lab = await BesiegedLab.open();
});
afterEach(async () => expect(await lab.disturbances()).toEqual([]));
afterAll(() => lab?.close());

it('an offer to the end that controls is refused', async () => {
  const caller = await lab.introduce('a');
  caller.say(offer());
  expect(await caller.hear('refuse')).toMatchObject({ code: 'NOT_CONTROLLED' });
  caller.hangUp();
});

it('of 100 attempts at once 16 are taken, and they leave nothing behind', async () => {
  const before = lab.resources('b');
  const caller = await lab.introduce('b');
  for (let count = 0; count < 100; count++) caller.say(offer());
  await expect.poll(() => caller.heard.filter(({ type }) => type === 'accept' || type === 'refuse').length).toBe(100);
  const refusals = caller.heard.filter(({ type }) => type === 'refuse');
  expect(refusals).toHaveLength(84);
  expect(new Set(refusals.map(({ code }) => code))).toEqual(new Set(['ATTEMPTS_EXCEEDED']));
  caller.hangUp();
  await lab.givenBack('b', before);
});

it('nothing is sent to addresses that are no business of a peer', async () => {
  const v4 = ['127.0.0.1', '127.0.0.2', '0.0.0.0', '10.0.0.1', '172.16.0.1', '192.168.1.2', '100.64.0.1', '169.254.1.1'];
  const v4Special = ['169.254.169.254', '100.100.100.200', '224.0.0.1', '255.255.255.255', lab.lab.b.address];
  const v6 = ['::1', '::', '::ffff:127.0.0.1', 'fe80::1', 'ff02::1', 'fd00::1', '64:ff9b::7f00:1', '2002:7f00:1::1'];
  const overlay = [lab.lab.a.router.address, lab.lab.b.router.address, lab.host.router.address, '300::1'];
  // A message holds 16; one in each may be tried, which shows that the others would have been seen.
  for (const addresses of [
    [...v4, ...v4Special],
    [...v6, ...overlay],
  ]) {
    const packets = await lab.packetCounter('b', [4444, 4445]);
    const attempt = await HostileAttempt.offer(lab);
    await attempt.sendCandidates([...addresses.map((address) => candidate(address, 4444)), candidate(strangersAddress, 4445)]);
    await expect.poll(() => packets(4445), { timeout: 10_000 }).toBeGreaterThan(2);
    expect(await packets(4444)).toBe(0);
    attempt.end();
    expect(await attempt.failure()).toMatchObject({ code: 'PEER_ENDED' });
  }
});

it.each([
  ['1,000 candidates', { candidates: Array.from({ length: 1000 }, () => candidate(strangersAddress, 4446)) }],
  ['candidates that are none', { candidates: { length: 1, 0: 'no' } }],
  ['a candidate at a well-known port', { candidates: [candidate(strangersAddress, 22)] }],
  ['no object', 'no'],
])('%s end the attempt: CANDIDATES_INVALID', async (_, payload) => {
  const attempt = await HostileAttempt.offer(lab);
  attempt.send(payload);
  expect(await attempt.failure()).toMatchObject({ code: 'CANDIDATES_INVALID' });
  attempt.hangUp();
});

it('10,000 candidates end the conversation: SIGNALLING_TOO_LARGE', async () => {
  const attempt = await HostileAttempt.offer(lab);
  attempt.send({ candidates: Array.from({ length: 10_000 }, () => candidate(strangersAddress, 4446)) });
  await lab.refusal('b', 'SIGNALLING_TOO_LARGE');
  expect(await attempt.failure()).toMatchObject({ code: 'ATTEMPT_ABORTED' });
});

it('more messages than may wait for an attempt end it: ATTEMPT_FLOODED', async () => {
  const attempt = await HostileAttempt.offer(lab);
  await attempt.sendCandidates([candidate(strangersAddress, 4447)]);
  for (let count = 0; count < 70; count++) attempt.send({});
  expect(await attempt.failure()).toMatchObject({ code: 'ATTEMPT_FLOODED' });
  attempt.hangUp();
});

it('a wrong proof gets no byte, and the attempt goes on listening for the right one', async () => {
  const attempt = await HostileAttempt.offer(lab);
  await attempt.sendCandidates([candidate(strangersAddress, 4448)]);
  expect(await attempt.connectAndProve(randomBytes(32))).toBeUndefined();
  const path = await attempt.connectAndProve();
  await attempt.choose(path);
  path?.destroy();
  expect(await attempt.failure()).toMatchObject({ code: 'PATH_CLOSED' });
  attempt.hangUp();
});

it('a peer that breaks the protocol on a proven path gets no bridge', async () => {
  const attempt = await HostileAttempt.offer(lab);
  await attempt.sendCandidates([candidate(strangersAddress, 4449)]);
  const path = await attempt.connectAndProve();
  await attempt.choose(path);
  path?.write(randomBytes(4096).fill(0xff));
  expect(await attempt.failure()).toMatchObject({ code: 'PATH_SILENT' });
  attempt.hangUp();
});

it('a path that leads to another router than the peer’s never becomes a bridge', async () => {
  const attempt = await HostileAttempt.offer(lab);
  await attempt.sendCandidates([candidate(strangersAddress, 4450)]);
  const path = await attempt.connectAndProve();
  await attempt.choose(path);
  await attempt.start(path);
  const other = await lab.stranger.dial({ host: publicAddresses[0], port: 5000 });
  if (path) other.pipe(path).pipe(other);
  expect(await attempt.bridgeFailure()).toMatchObject({ code: 'ROUTER_LINK_FAILED' });
  const bridged = lab.agents.b.events.flatMap((line) => (line.event === 'bridge.up' ? line.peer.key : []));
  expect(bridged).toEqual([lab.lab.a.router.key]);
  attempt.hangUp();
});

it('a peer that offers attempts over and over is told to wait, and that is told once: PEER_BUSY', async () => {
  const caller = await lab.introduce('b');
  const told = lab.agents.b.events.length;
  for (let count = 0; count < 60; count++) {
    const attempt = offer();
    caller.say(attempt);
    const answer = ({ type, id }: { type: string; [field: string]: unknown }) => id === attempt.id && type !== 'data';
    await Promise.race(
      [caller.hear('accept', { where: answer }), caller.hear('refuse', { where: answer })].map((wait) =>
        wait.catch(() => undefined),
      ),
    );
    caller.say({ type: 'end', id: attempt.id, code: 'ATTEMPT_ABORTED', message: 'no' });
  }
  const refusals = caller.heard.filter(({ type }) => type === 'refuse');
  expect(refusals.length).toBeGreaterThan(20);
  expect(new Set(refusals.map(({ code }) => code))).toEqual(new Set(['PEER_BUSY']));
  expect(lab.agents.b.events.slice(told).filter(({ event }) => event === 'attempt.refused')).toHaveLength(1);
  caller.hangUp();
});

function offer() {
  const [id, random] = [randomBytes(16), randomBytes(32)].map((bytes) => bytes.toString('hex'));
  return { type: 'attempt', id, strategy: 'tcp-hole-punching', random };
}

function candidate(address: string, port: number) {
  return { type: 'host', address, port };
}
