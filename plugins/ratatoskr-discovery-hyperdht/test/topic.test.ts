import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Topic } from '../src/topic.js';

const key = 'ab'.repeat(32);
const announcer = randomBytes(32);

describe('a record', () => {
  it('is read by whoever has the passphrase', async () => {
    const [a, b] = await Promise.all([Topic.of('one and the same'), Topic.of('one and the same')]);
    expect(b.target).toEqual(a.target);
    expect(b.open(announcer, a.seal(announcer, key))).toBe(key);
  });

  it('is nothing to others, and does not tell the key', async () => {
    const [a, b] = await Promise.all([Topic.of('one and the same'), Topic.of('another one here')]);
    const record = a.seal(announcer, key);
    expect(b.target).not.toEqual(a.target);
    expect(b.open(announcer, record)).toBeUndefined();
    expect(record.toString('hex')).not.toContain(key.slice(0, 8));
  });

  it('is good for its announcer alone', async () => {
    const topic = await Topic.of('one and the same');
    expect(topic.open(randomBytes(32), topic.seal(announcer, key))).toBeUndefined();
  });

  it.each([0, 59, 60, 61, 1000])('of %i bytes of noise is none', async (length) => {
    const topic = await Topic.of('one and the same');
    expect(topic.open(announcer, randomBytes(length))).toBeUndefined();
  });
});
