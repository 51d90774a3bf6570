import { expect, it } from 'vitest';
import type { ReliableUdp, ReliableUdpSocket } from '../../src/core/reliable-udp.js';
import { PunchingSockets } from '../../src/strategies/udp-hole-punching/sockets.js';
import { settle } from './fake-clock.js';

/** Binds when told to, and keeps count of what is open. */
class SlowLayer implements ReliableUdp {
  open = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly limit = Number.POSITIVE_INFINITY) {}

  async bind(): Promise<ReliableUdpSocket> {
    await new Promise<void>((resolve) => this.waiting.push(resolve));
    if (this.open >= this.limit) throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
    this.open += 1;
    const close = async () => {
      this.open -= 1;
    };
    return { local: { address: '0.0.0.0', port: 4000 }, send: () => {}, setTtl: () => {}, open: () => undefined as never, close };
  }

  async finish(): Promise<void> {
    for (const resolve of this.waiting.splice(0)) resolve();
    await settle();
  }
}

it('a socket that is bound when the attempt is over is closed', async () => {
  const layer = new SlowLayer();
  const sockets = new PunchingSockets(layer, () => {});
  const late = sockets.bind('0.0.0.0').catch((error: Error) => error.message);
  await sockets.end();
  await layer.finish();
  expect(await late).toBe('the attempt is over');
  expect(layer.open).toBe(0);
});

it('the end closes all sockets but the one that is kept', async () => {
  const layer = new SlowLayer();
  const sockets = new PunchingSockets(layer, () => {});
  const bound = sockets.bindMany(5);
  await layer.finish();
  const [kept] = await bound;
  await sockets.end(kept);
  await sockets.end();
  expect(layer.open).toBe(1);
});

it('many sockets are as many as the system gives', async () => {
  const layer = new SlowLayer(3);
  const sockets = new PunchingSockets(layer, () => {});
  const bound = sockets.bindMany(5);
  await layer.finish();
  expect(await bound).toHaveLength(3);
  await sockets.end();
  expect(layer.open).toBe(0);
});
