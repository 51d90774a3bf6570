import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { aborted } from '../../src/core/aborted.js';

test('resolves with the first of several signals, and leaves nothing on the others', async () => {
  const [one, other] = [new AbortController(), new AbortController()];
  const over = aborted(one.signal, other.signal);
  one.abort();
  await over;
  expect(getEventListeners(other.signal, 'abort')).toEqual([]);
});

test('resolves at once when one has aborted before', async () => {
  const living = new AbortController();
  await aborted(living.signal, AbortSignal.abort());
  expect(getEventListeners(living.signal, 'abort')).toEqual([]);
});
