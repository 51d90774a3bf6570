import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BesiegedLab } from './besieged-lab.js';
import type { Caller } from './caller.js';
import { Flood } from './flood.js';

let lab: BesiegedLab;
beforeAll(async () => {
  lab = await BesiegedLab.open();
});
afterEach(async () => expect(await lab.disturbances()).toEqual([]));
afterAll(() => lab?.close());

describe('an agent refuses a stranger on the overlay who', () => {
  it.each<[string, string, (caller: Caller) => void]>([
    ['says hello with another node’s key', 'SIGNALLING_IDENTITY', (caller) => caller.hello(lab.lab.b.router.key)],
    ['sends no JSON', 'SIGNALLING_MALFORMED', (caller) => caller.write('{"type":"hello",\n')],
    ['sends a line of 100 KiB', 'SIGNALLING_TOO_LARGE', (caller) => caller.write('x'.repeat(100 * 1024))],
    ['sends 1,000 messages at once', 'SIGNALLING_TOO_FAST', (caller) => caller.write('{"type":"later"}\n'.repeat(1000))],
    [
      'speaks another version of the protocol',
      'SIGNALLING_VERSION',
      (caller) => caller.hello(lab.host.router.key, { protocol: 2 }),
    ],
    ['says nothing', 'SIGNALLING_TIMEOUT', () => {}],
  ])('%s: %s', async (_, code, act) => {
    const caller = await lab.call('a');
    act(caller);
    await lab.refusal('a', code);
    await caller.ended;
    expect(caller.heard.filter(({ type }) => type !== 'hello' && type !== 'bye')).toEqual([]);
  });

  it('calls from a subnet that is routed to him: SIGNALLING_NOT_ALLOWED', async () => {
    const { subnet } = (await lab.host.router.admin('getself')) as { subnet: string };
    const addresses = [1, 2, 3].map((host) => subnet.replace('::/64', `::${host}`));
    const input = addresses.map((address) => `address add ${address}/128 dev ygg0 nodad\n`).join('');
    await lab.host.exec(['ip', '-batch', '-'], { input });
    for (const address of addresses) {
      const caller = await lab.call('a', address);
      await caller.ended;
      expect(caller.heard).toEqual([]);
    }
    const refused = lab.agents.a.events.filter(
      (line) => line.event === 'signalling.failed' && line.code === 'SIGNALLING_NOT_ALLOWED',
    );
    // An address he has never used before is no news.
    expect(refused).toHaveLength(1);
  });

  it('was polite until his 1,000 pings at once: SIGNALLING_TOO_FAST', async () => {
    const caller = await lab.introduce('b');
    caller.write('{"type":"ping","id":7}\n'.repeat(1000));
    await lab.refusal('b', 'SIGNALLING_TOO_FAST');
    await caller.ended;
  });
});

describe('a stranger who said hello', () => {
  it('and then nothing, not even to pings, is let go', async () => {
    const caller = await lab.call('a');
    caller.hello(lab.host.router.key);
    const { reason } = await caller.hear('bye');
    expect(reason).toBe('no answer to pings');
    await caller.ended;
  });
});

describe('1,000 connections of a stranger at once', () => {
  it('are refused with one line in the log, and cost the agent nothing that it does not get back', async () => {
    const before = lab.resources('a');
    const flood = new Flood(() => lab.call('a'));
    await flood.wave(1000);
    await lab.refusal('a', 'SIGNALLING_TOO_MANY');
    // Two may wait for a hello.
    expect(flood.greeted).toBe(2);
    await lab.givenBack('a', { descriptors: before.descriptors + 2 });
    expect(lab.resources('a').residentBytes - before.residentBytes).toBeLessThan(100 * 2 ** 20);
    flood.stop();
    await lab.givenBack('a', before);
    const told = lab.agents.a.events.filter((line) => 'code' in line && line.code === 'SIGNALLING_TOO_MANY');
    expect(told).toHaveLength(1);
  });

  it('keep no peer from meeting the agent', async () => {
    const flood = new Flood(() => lab.call('a'));
    await flood.wave(1000);
    const knocking = flood.keepUp(20);
    await lab.restartB();
    flood.stop();
    await knocking;
  });
});

it('a stranger who says hello and hangs up, over and over, is soon not heard any more: SIGNALLING_TOO_MANY', async () => {
  const before = lab.agents.a.events.length;
  for (let count = 0; count < 60; count++) {
    const caller = await lab.call('a');
    caller.hello(lab.host.router.key);
    caller.answerPings();
    await Promise.race([caller.hear('ping').catch(() => undefined), caller.ended]);
    caller.hangUp();
  }
  const since = lab.agents.a.events.slice(before);
  expect(since.filter(({ event }) => event === 'signalling.connected').length).toBeLessThanOrEqual(31);
  expect(lab.agents.a.events.some((line) => 'code' in line && line.code === 'SIGNALLING_TOO_MANY')).toBe(true);
});
