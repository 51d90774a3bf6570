import { describe, expect, it } from 'vitest';
import { AcquaintanceFile } from '../../src/discovery/gossip/acquaintance-file.js';
import { Acquaintances, mostAcquaintances } from '../../src/discovery/gossip/acquaintances.js';
import { MemoryFiles } from '../../src/testing/memory-files.js';

const log = { debug() {}, info() {}, warn() {}, error() {} };
const day = 24 * 3_600_000;
const keyNumber = (number: number) => number.toString(16).padStart(64, '0');
const met = (number: number, metAt: number, offers: readonly ('stun' | 'relay')[] = []) => ({
  key: keyNumber(number),
  offers,
  metAt,
});
const keysOf = (agents: readonly { readonly key: string }[]) => agents.map(({ key }) => key);

describe('agents that were met', () => {
  it('are news once', () => {
    const agents = new Acquaintances();
    agents.meet(met(1, 1000));
    const { changes } = agents;
    agents.meet(met(1, 2000));
    expect(agents.news(0, 2000)).toEqual([{ key: keyNumber(1), offers: [], ageMs: 0 }]);
    expect(agents.news(changes, 2000)).toEqual([]);
  });

  it('are news again when they offer something else', () => {
    const agents = new Acquaintances();
    agents.meet(met(1, 1000));
    const { changes } = agents;
    agents.meet(met(1, 2000, ['relay']));
    expect(agents.news(changes, 2000)).toMatchObject([{ offers: ['relay'] }]);
  });

  it('are news again after half a day, before those who were told forget them', () => {
    const agents = new Acquaintances();
    agents.meet(met(1, 0));
    const { changes } = agents;
    agents.meet(met(1, day / 2));
    expect(agents.news(changes, day / 2)).toHaveLength(1);
  });

  it('are told of with those first that offer something, then the newest', () => {
    const agents = new Acquaintances();
    agents.meet(met(1, 0, ['relay']));
    agents.meet(met(2, 0));
    agents.meet(met(3, 0));
    expect(keysOf(agents.news(0, 0))).toEqual([1, 3, 2].map(keyNumber));
  });

  it('are forgotten a day after they were met last', () => {
    const agents = new Acquaintances();
    agents.meet(met(1, 0));
    expect([agents.list(day).length, agents.list(day + 1).length]).toEqual([1, 0]);
  });

  it('are so many at most, and the one met longest ago goes', () => {
    const agents = new Acquaintances();
    for (let number = 0; number <= mostAcquaintances; number++) agents.meet(met(number, number));
    const known = keysOf(agents.list(mostAcquaintances));
    expect([known.length, known.includes(keyNumber(0))]).toEqual([mostAcquaintances, false]);
  });

  it('stay with who told of them first', () => {
    const agents = new Acquaintances();
    agents.meet({ ...met(1, 0), toldBy: keyNumber(7) });
    agents.meet({ ...met(1, 1), toldBy: keyNumber(8) });
    expect(agents.list(1)).toMatchObject([{ toldBy: keyNumber(7) }]);
  });
});

describe('the file of agents that were met', () => {
  it('has them back after a restart', async () => {
    const files = new MemoryFiles();
    const agents = [{ ...met(1, 5, ['stun', 'relay']), toldBy: keyNumber(2) }, met(3, 6)];
    await new AcquaintanceFile({ stateDir: '/state', files, log }).write(agents);
    expect(await new AcquaintanceFile({ stateDir: '/state', files, log }).read()).toEqual(agents);
  });

  it.each([
    ['is not there', undefined],
    ['is no JSON', '{"version":1,"agents":['],
    ['holds what is no key', JSON.stringify({ version: 1, agents: [{ key: '../..', offers: [], metAt: 0 }] })],
    ['holds more than there may be', JSON.stringify({ version: 1, agents: Array.from({ length: 513 }, (_, at) => met(at, 0)) })],
  ])('is not missed when it %s', async (_, text) => {
    const files = new MemoryFiles();
    if (text !== undefined) files.texts.set('/state/agents.json', text);
    expect(await new AcquaintanceFile({ stateDir: '/state', files, log }).read()).toEqual([]);
  });
});
