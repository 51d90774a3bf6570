import { describe, expect, it } from 'vitest';
import { Neighbours } from '../../src/core/neighbours.js';
import { FakeClock } from './fake-clock.js';

const key = 'ee'.repeat(32);

function neighbours() {
  const clock = new FakeClock();
  return { clock, heard: new Neighbours(clock) };
}

describe('a peer that was heard on a network', () => {
  it('is there until that expires', async () => {
    const { clock, heard } = neighbours();
    heard.hear(key, '192.168.1.3', 1000);
    expect(heard.addressesOf(key)).toEqual(['192.168.1.3']);
    await clock.advance(1000);
    expect(heard.addressesOf(key)).toEqual([]);
  });

  it('is there no more when it has said that it is leaving', () => {
    const { heard } = neighbours();
    heard.hear(key, '192.168.1.3', 1000);
    heard.hear(key, '192.168.1.3', 0);
    expect(heard.addressesOf(key)).toEqual([]);
  });

  it('has four addresses at most, the ones heard last', () => {
    const { heard } = neighbours();
    for (const last of [1, 2, 3, 4, 5]) heard.hear(key, `192.168.1.${last}`, 1000);
    expect(heard.addressesOf(key)).toEqual(['192.168.1.2', '192.168.1.3', '192.168.1.4', '192.168.1.5']);
  });

  it('is one of 256, of whom the one heard longest ago goes', () => {
    const { heard } = neighbours();
    heard.hear(key, '192.168.1.3', 1000);
    for (let number = 0; number < 256; number++) heard.hear(number.toString(16).padStart(64, '0'), '192.168.1.4', 1000);
    expect(heard.addressesOf(key)).toEqual([]);
  });
});
