import { expect, test } from 'vitest';
import { type LiveBridge, TrafficHistory } from '../../src/control/traffic-history.js';
import { FakeClock } from './fake-clock.js';

const counters = { bytesIn: 0, bytesOut: 0 };
const bridge: LiveBridge = {
  peer: { key: 'k', address: '200::1' },
  attempt: 'first',
  strategy: 'tcp-hole-punching',
  kind: 'direct',
  counters,
  rttMs: 12,
  overlayRttMs: 90,
};

function watched(bridges: () => readonly LiveBridge[]) {
  const clock = new FakeClock();
  const history = new TrafficHistory(clock, bridges);
  const samples = (since?: number) => history.report(since).peers.find(({ key }) => key === 'k')?.samples ?? [];
  return { clock, history, samples };
}

test('tells what went over a bridge in each interval', async () => {
  const moving = { bytesIn: 100, bytesOut: 10 };
  const { clock, samples } = watched(() => [{ ...bridge, counters: moving }]);
  await clock.advance(2000);
  Object.assign(moving, { bytesIn: 350, bytesOut: 40 });
  await clock.advance(2000);
  expect(samples()).toEqual([
    { at: 2000, bytesIn: 100, bytesOut: 10, rttMs: 12 },
    { at: 4000, bytesIn: 250, bytesOut: 30, rttMs: 12 },
  ]);
});

test('goes on when another bridge takes the place of one, whose count begins anew', async () => {
  let bridges = [{ ...bridge, counters: { bytesIn: 1000, bytesOut: 0 } }];
  const { clock, samples } = watched(() => bridges);
  await clock.advance(2000);
  bridges = [{ ...bridge, attempt: 'second', counters: { bytesIn: 30, bytesOut: 0 } }];
  await clock.advance(2000);
  expect(samples().map(({ bytesIn }) => bytesIn)).toEqual([1000, 30]);
});

test('tells only what is newer than a time', async () => {
  const { clock, samples } = watched(() => [bridge]);
  await clock.advance(10_000);
  expect(samples(6000).map(({ at }) => at)).toEqual([8000, 10_000]);
});

test('remembers ten minutes', async () => {
  const { clock, samples } = watched(() => [bridge]);
  await clock.advance(20 * 60_000);
  expect(samples()).toHaveLength(300);
});

test('forgets a peer whose bridge has been gone for ten minutes, and not before', async () => {
  let bridges = [bridge];
  const { clock, history } = watched(() => bridges);
  await clock.advance(4000);
  bridges = [];
  await clock.advance(9 * 60_000);
  expect(history.report().peers).toHaveLength(1);
  await clock.advance(2 * 60_000);
  expect(history.report().peers).toEqual([]);
});

test('remembers no more peers than it may', async () => {
  const many = Array.from({ length: 300 }, (_, index) => ({ ...bridge, peer: { key: `k${index}`, address: '200::1' } }));
  const { clock, history } = watched(() => many);
  await clock.advance(2000);
  expect(history.report().peers).toHaveLength(256);
});

test('leaves no timer when it is closed', () => {
  const { clock, history } = watched(() => []);
  history.close();
  expect(clock.pending).toBe(0);
});
