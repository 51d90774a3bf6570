import { describe, expect, it } from 'vitest';
import type { Hearsay } from '../../src/core/gossip-links.js';
import { settle } from './fake-clock.js';
import { linkedEnds } from './links.js';

const agent = (number: number): Hearsay => ({ key: number.toString(16).padStart(64, '0'), offers: ['relay'], ageMs: 5000 });

describe('what one end of a link tells of other agents', () => {
  it('is heard by the other, in whole seconds', async () => {
    const { controlling, controlled } = await linkedEnds();
    const heard: Hearsay[] = [];
    controlled.gossip.hearBy((agents) => heard.push(...agents));
    controlling.gossip.tell([{ ...agent(1), ageMs: 5700 }]);
    await settle();
    expect(heard).toEqual([agent(1)]);
  });

  it('waits for whoever listens later', async () => {
    const { controlling, controlled } = await linkedEnds();
    controlling.gossip.tell([agent(1)]);
    await settle();
    const heard: Hearsay[] = [];
    controlled.gossip.hearBy((agents) => heard.push(...agents));
    expect(heard).toEqual([agent(1)]);
  });

  it('is not looked at beyond four messages at once and four a minute', async () => {
    const { clock, controlling, controlled } = await linkedEnds();
    let heard = 0;
    controlled.gossip.hearBy((agents) => {
      heard += agents.length;
    });
    for (let number = 0; number < 20; number++) controlling.gossip.tell([agent(number)]);
    await settle();
    expect(heard).toBe(4);
    await clock.advance(15_000);
    for (let number = 0; number < 20; number++) controlling.gossip.tell([agent(number)]);
    await settle();
    expect(heard).toBe(5);
  });
});
