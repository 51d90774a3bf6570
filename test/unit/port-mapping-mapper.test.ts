import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Net } from '../../src/core/net.js';
import type { Gateway } from '../../src/discovery/gateway/default-gateway.js';
import { PortMapper } from '../../src/discovery/gateway/port-mapper.js';
import { scratchFolder } from './admin-fake.js';
import { FakeClock } from './fake-clock.js';
import { FakeGateway } from './fake-gateway.js';

const hour = 3600;
const wanted = { transport: 'tcp', internalPort: 5000 } as const;
const never = new AbortController().signal;

const mappers: { readonly mapper: PortMapper; readonly clock: FakeClock }[] = [];
afterEach(async () => {
  await Promise.all(mappers.splice(0).map(({ mapper, clock }) => run(clock, mapper.close())));
});

async function world(names: readonly string[] = ['one']) {
  const clock = new FakeClock();
  const stateDir = await scratchFolder();
  const gateways = names.map((name) => new FakeGateway(name, clock));
  const here: Gateway = { family: 4, address: '192.168.1.1', interface: 'eth0', own: '192.168.1.2' };
  const place = { gateway: here };
  const logged: { event: string; fields: Record<string, unknown> }[] = [];
  const note = (event: string, fields = {}) => logged.push({ event, fields });
  const log = { debug: note, info: note, warn: note, error: note };
  const random = { bytes: (length: number) => new Uint8Array(length).fill(7), fraction: () => 0.5 };
  const open = (checkIntervalMs = 60_000) => {
    const services = { net: {} as Net, clock, random, log };
    const findGateway = async () => place.gateway;
    const mapper = new PortMapper({
      services,
      protocols: gateways,
      findGateway,
      stateDir,
      journalName: 'port-mapping',
      checkIntervalMs,
    });
    mappers.push({ mapper, clock });
    return mapper;
  };
  const journal = async (): Promise<unknown[]> =>
    (JSON.parse(await readFile(join(stateDir, 'port-mapping.json'), 'utf8')) as { mappings: unknown[] }).mappings;
  const gateway = gateways[0] as FakeGateway;
  return { clock, gateways, gateway, place, here, stateDir, logged, open, journal };
}

/** Lets real file writes and fake time both go on until a promise settles. */
async function run<T>(clock: FakeClock, promise: Promise<T>): Promise<T> {
  let settled = false;
  const done = () => {
    settled = true;
  };
  promise.then(done, done);
  while (!settled) {
    // The journal is written to a real disk, in real time.
    await new Promise((resolve) => setTimeout(resolve, 1));
    await clock.advance(50);
  }
  return promise;
}

/** Moves time on until something is so. */
async function until(clock: FakeClock, condition: () => boolean): Promise<void> {
  for (let turns = 0; turns < 20_000 && !condition(); turns++) await clock.advance(1000);
  expect(condition()).toBe(true);
}

describe('a mapping', () => {
  it('is in the journal before the gateway hears of it', async () => {
    const { clock, gateway, open, journal } = await world();
    let seen: unknown[] = [];
    gateway.onMap = async () => {
      seen = await journal();
    };
    await run(clock, open().map(wanted, never));
    expect(seen).toMatchObject([{ protocol: 'one', internalPort: 5000, externalPort: 5000 }]);
  });

  it('is removed from the gateway and from the journal when it is released', async () => {
    const { clock, gateway, open, journal } = await world();
    const mapping = await run(clock, open().map(wanted, never));
    expect(gateway.ports).toEqual([5000]);
    await run(clock, mapping.release());
    expect(gateway.ports).toEqual([]);
    expect(await journal()).toEqual([]);
  });

  it('is removed when the mapper closes, with all others', async () => {
    const { clock, gateway, open } = await world();
    const mapper = open();
    await run(clock, Promise.all([mapper.map(wanted, never), mapper.map({ ...wanted, internalPort: 5001 }, never)]));
    expect(gateway.ports).toEqual([5000, 5001]);
    await run(clock, mapper.close());
    expect(gateway.ports).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('that a killed run left is removed by the next', async () => {
    const { clock, gateway, open, journal } = await world();
    await run(clock, open().map(wanted, never));
    expect(await run(clock, open().recover())).toBe(1);
    expect(gateway.ports).toEqual([]);
    expect(await journal()).toEqual([]);
  });

  it('whose lease has run out is struck off by the next run without asking', async () => {
    const { clock, gateway, here, stateDir, open, journal } = await world();
    const known = { protocol: 'one', gateway: here, transport: 'tcp', internalPort: 5000, nonce: '07'.repeat(12) };
    const mappings = [
      { ...known, externalPort: 6000, expires: 1 },
      { ...known, externalPort: 6001, expires: null },
    ];
    await writeFile(join(stateDir, 'port-mapping.json'), JSON.stringify({ version: 1, mappings }));
    await clock.advance(10);
    expect(await run(clock, open().recover())).toBe(1);
    expect(gateway.asked.map(({ what }) => what)).toEqual(['unmap']);
    expect(await journal()).toEqual([]);
  });

  it('that is called off half-way is removed', async () => {
    const { clock, gateway, open, journal } = await world();
    const mapper = open();
    const controller = new AbortController();
    const reason = new Error('enough');
    await run(clock, mapper.probe(4, never));
    gateway.delayMs = 100;
    gateway.onMap = async () => controller.abort(reason);
    await expect(run(clock, mapper.map(wanted, controller.signal))).rejects.toBe(reason);
    await run(clock, mapper.close());
    expect(gateway.ports).toEqual([]);
    expect(await journal()).toEqual([]);
  });

  it('that timed out is removed, for the gateway may have made it all the same', async () => {
    const { clock, gateway, open } = await world();
    const mapper = open();
    await run(clock, mapper.probe(4, never));
    gateway.delayMs = Number.POSITIVE_INFINITY;
    await expect(run(clock, mapper.map(wanted, never))).rejects.toMatchObject({ code: 'MAPPING_TIMEOUT' });
    await run(clock, mapper.close());
    expect(gateway.ports).toEqual([]);
  });

  it('is renewed at half its lease, with the same port', async () => {
    const { clock, gateway, open } = await world();
    await run(clock, open().map(wanted, never));
    const [first] = gateway.asked.filter(({ what }) => what === 'map');
    await until(clock, () => gateway.asked.filter(({ what }) => what === 'map').length === 2);
    const second = gateway.asked.filter(({ what }) => what === 'map')[1];
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual((hour * 1000) / 2);
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeLessThan((hour * 1000) / 2 + 62_000);
    expect(gateway.ports).toEqual([5000]);
  });

  it('is made anew when the gateway restarted', async () => {
    const { clock, gateway, open, logged } = await world();
    await run(clock, open().map(wanted, never));
    await clock.advance(30_000);
    gateway.restart();
    await until(clock, () => gateway.ports.length === 1);
    await until(clock, () =>
      logged.some(({ event, fields }) => event === 'mapping.remade' && /restarted/.test(String(fields.reason))),
    );
  });

  it('is made anew when the external address changed, and says the new one', async () => {
    const { clock, gateway, open } = await world();
    const mapping = await run(clock, open().map(wanted, never));
    gateway.address = '20.0.7.7';
    await until(clock, () => mapping.external.address === '20.0.7.7');
  });

  it('is made anew at another gateway when this machine moved', async () => {
    const { clock, here, place, open } = await world();
    const mapping = await run(clock, open().map(wanted, never));
    place.gateway = { ...here, own: '192.168.1.77' };
    await until(clock, () => mapping.gateway.own === '192.168.1.77');
  });

  it('is asked for at the external port that would suit', async () => {
    const { clock, gateway, open } = await world();
    const { external } = await run(clock, open().map({ ...wanted, externalPort: 6000 }, never));
    expect(external.port).toBe(6000);
    expect(gateway.mappings.get(6000)?.internalPort).toBe(5000);
  });

  it('takes another external port when the first is taken', async () => {
    const { clock, gateway, open } = await world();
    gateway.taken.add(5000);
    const mapping = await run(clock, open().map(wanted, never));
    expect(mapping.external.port).toBeGreaterThanOrEqual(49_152);
    expect(gateway.ports).toEqual([mapping.external.port]);
  });

  it('at a gateway that is itself behind a NAT is not offered, and is removed', async () => {
    const { clock, gateway, open } = await world();
    gateway.address = '100.64.0.2';
    await expect(run(clock, open().map(wanted, never))).rejects.toMatchObject({ code: 'NAT_STACKED' });
    expect(gateway.ports).toEqual([]);
  });
});

describe('of several protocols', () => {
  it('the first in order that answers is used', async () => {
    const { clock, gateways, open } = await world(['one', 'two', 'three']);
    const [one, two] = gateways;
    if (one) one.delayMs = Number.POSITIVE_INFINITY;
    if (two) two.delayMs = 200;
    expect((await run(clock, open().map(wanted, never))).protocol).toBe('two');
  });

  it('the one that worked is remembered', async () => {
    const { clock, gateways, open } = await world(['one', 'two']);
    const [one, two] = gateways;
    if (one) one.delayMs = Number.POSITIVE_INFINITY;
    const mapper = open();
    await run(clock, mapper.map(wanted, never));
    for (const gateway of gateways) gateway.asked.splice(0);
    await run(clock, mapper.map({ ...wanted, internalPort: 5001 }, never));
    expect(one?.asked).toEqual([]);
    expect(two?.asked.map(({ what }) => what)).toEqual(['map']);
  });

  it('none answering gives the reason of each, and they are left alone for 10 s, then 20 s, and never for more than a minute', async () => {
    const { clock, gateways, open } = await world(['one', 'two']);
    for (const gateway of gateways) gateway.delayMs = Number.POSITIVE_INFINITY;
    const mapper = open();
    const refusal = { code: 'MAPPING_UNSUPPORTED', message: expect.stringMatching(/one said nothing.*two said nothing/) };
    for (const [times, pauseMs] of [10_000, 20_000, 40_000, 60_000, 60_000].entries()) {
      await expect(run(clock, mapper.map(wanted, never))).rejects.toMatchObject(refusal);
      expect(gateways.map(({ asked }) => asked.length)).toEqual([times + 1, times + 1]);
      await clock.advance(pauseMs - 5000);
      await expect(run(clock, mapper.map(wanted, never))).rejects.toMatchObject(refusal);
      expect(gateways.map(({ asked }) => asked.length)).toEqual([times + 1, times + 1]);
      await clock.advance(5000);
    }
  });
});
