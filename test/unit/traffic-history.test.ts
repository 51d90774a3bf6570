import { expect, test } from 'vitest';
import { TrafficHistory } from '../../src/control/traffic-history.js';
import { type AgentEvents, EventSource, onEvent } from '../../src/core/events.js';
import { FakeClock } from './fake-clock.js';

const delays = { rttMs: 12, leastRttMs: 12, outMs: 6, inMs: 6 };

/** A history, and bridges that can be put up and taken down under it. */
function watched() {
  const clock = new FakeClock();
  const events = new EventSource('watched', () => clock.now());
  const up = new Map<string, { key: string; counters: { bytesIn: number; bytesOut: number } }>();
  const traffic = (attempt: string) => {
    const bridge = up.get(attempt);
    return bridge && { counters: { ...bridge.counters, dropped: 0, transitIn: 0, transitOut: 0 }, delays };
  };
  const history = new TrafficHistory(clock, traffic, () =>
    [...up].map(([attempt, { key }]) => ({ key, attempt, rttMs: delays.rttMs })),
  );
  const open = (attempt: string, { key = 'k', bytesIn = 0, bytesOut = 0 } = {}) => {
    const counters = { bytesIn, bytesOut };
    up.set(attempt, { key, counters });
    const end = onEvent((event) => history.read(event));
    events.publish('bridge.up', { peer: { key, address: '200::1' }, attempt } as AgentEvents['bridge.up']);
    end();
    return counters;
  };
  const samples = (since?: number) => history.report(since).peers.find(({ key }) => key === 'k')?.samples ?? [];
  return { clock, history, samples, open, close: (attempt: string) => up.delete(attempt) };
}

test('tells what went over a bridge in each interval', async () => {
  const { clock, samples, open } = watched();
  const moving = open('first', { bytesIn: 100, bytesOut: 10 });
  await clock.advance(2000);
  Object.assign(moving, { bytesIn: 350, bytesOut: 40 });
  await clock.advance(2000);
  expect(samples()).toEqual([
    { at: 2000, bytesIn: 100, bytesOut: 10, rttMs: 12 },
    { at: 4000, bytesIn: 250, bytesOut: 30, rttMs: 12 },
  ]);
});

test('goes on when another bridge takes the place of one, whose count begins anew', async () => {
  const { clock, samples, open, close } = watched();
  open('first', { bytesIn: 1000 });
  await clock.advance(2000);
  close('first');
  open('second', { bytesIn: 30 });
  await clock.advance(2000);
  expect(samples().map(({ bytesIn }) => bytesIn)).toEqual([1000, 30]);
});

test('adds up what goes over two bridges while one takes the place of the other', async () => {
  const { clock, samples, open } = watched();
  open('first', { bytesIn: 1000 });
  open('second', { bytesIn: 30 });
  await clock.advance(2000);
  expect(samples().map(({ bytesIn }) => bytesIn)).toEqual([1030]);
});

test('tells only what is newer than a time', async () => {
  const { clock, samples, open } = watched();
  open('first');
  await clock.advance(10_000);
  expect(samples(6000).map(({ at }) => at)).toEqual([8000, 10_000]);
});

test('remembers ten minutes', async () => {
  const { clock, samples, open } = watched();
  open('first');
  await clock.advance(20 * 60_000);
  expect(samples()).toHaveLength(300);
});

test('forgets a peer whose bridge has been gone for ten minutes, and not before', async () => {
  const { clock, history, open, close } = watched();
  open('first');
  await clock.advance(4000);
  close('first');
  await clock.advance(9 * 60_000);
  expect(history.report().peers).toHaveLength(1);
  await clock.advance(2 * 60_000);
  expect(history.report().peers).toEqual([]);
});

test('remembers no more peers than it may', async () => {
  const { clock, history, open } = watched();
  for (let index = 0; index < 300; index++) open(`attempt ${index}`, { key: `k${index}` });
  await clock.advance(2000);
  expect(history.report().peers).toHaveLength(256);
});

test('follows a bridge that came up when there was no room, once there is', async () => {
  const { clock, samples, open, close } = watched();
  for (let index = 0; index < 256; index++) open(`attempt ${index}`, { key: `k${index}` });
  const moving = open('late', { bytesIn: 1000 });
  close('attempt 0');
  await clock.advance(2000);
  moving.bytesIn += 7;
  await clock.advance(2000);
  expect(samples()).toEqual([{ at: 4000, bytesIn: 7, bytesOut: 0, rttMs: 12 }]);
});

test('leaves no timer when it is closed', () => {
  const { clock, history } = watched();
  history.close();
  expect(clock.pending).toBe(0);
});
