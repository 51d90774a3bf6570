import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { beforeEach, describe, expect, it } from 'vitest';
import { Greetings } from '../../src/relay/greetings.js';

const connection = () => new Duplex({ read() {}, write() {} });

describe('connections that have yet to prove themselves', () => {
  let greetings: Greetings;
  beforeEach(() => {
    greetings = new Greetings();
  });

  /** As many as there is room for, of each source in turn. */
  function fill(...sources: readonly string[]): Duplex[] {
    const added: Duplex[] = [];
    for (const source of sources) {
      while (greetings.hasRoom(source)) {
        const stream = connection();
        greetings.add(stream, source);
        added.push(stream);
      }
    }
    return added;
  }

  it('are eight of one source at the most', () => {
    expect(fill('one')).toHaveLength(8);
    expect(greetings.hasRoom('other')).toBe(true);
  });

  it('are 128 altogether at the most', () => {
    expect(fill(...Array.from({ length: 20 }, (_, source) => String(source)))).toHaveLength(128);
  });

  it('leave their room when they have proved themselves', () => {
    const [first = connection()] = fill('one');
    greetings.proved(first);
    expect(greetings.hasRoom('one')).toBe(true);
    expect(greetings.sourceOf(first)).toBeUndefined();
  });

  it('leave their room when they break, which ends no process', async () => {
    const [first = connection()] = fill('one');
    const gone = new Promise((resolve) => first.once('close', resolve));
    first.destroy(new Error('the line was cut'));
    await gone;
    expect(greetings.hasRoom('one')).toBe(true);
  });

  it('are destroyed in the end, and no more let in', async () => {
    const streams = fill('one', 'other');
    const gone = Promise.all(streams.map((stream) => once(stream, 'close')));
    greetings.close();
    await gone;
    expect(greetings.hasRoom('one')).toBe(false);
  });
});
