import { setMaxListeners } from 'node:events';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { ByteStream, ConnectTcpOptions } from '../../src/core/net.js';
import {
  maxOpens,
  maxProbes,
  maxStrangers,
  openDelayMs,
  openMany,
  openSockets,
  perSecond,
  probeDelayMs,
  probeMany,
  randomPorts,
  type Tally,
} from '../../src/strategies/tcp-hole-punching/birthday.js';
import { Pacer } from '../../src/strategies/tcp-hole-punching/pacer.js';
import { FakeClock, settle } from './fake-clock.js';

const known = { address: '192.0.2.1', port: 5000 };
const timeoutMs = 8000;

/** A network on which connections hang until their signal aborts or the test refuses them. */
class HangingNet {
  readonly begun: ConnectTcpOptions[] = [];
  readonly pending = new Set<(error: Error) => void>();
  refuses = false;

  connectTcp(options: ConnectTcpOptions): Promise<ByteStream> {
    if (options.signal) setMaxListeners(0, options.signal);
    this.begun.push(options);
    const refusal = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    if (this.refuses) return Promise.reject(refusal);
    return new Promise((_, reject) => {
      this.pending.add(reject);
      options.signal?.addEventListener('abort', () => {
        this.pending.delete(reject);
        reject(options.signal?.reason as Error);
      });
    });
  }

  refuse(count: number): void {
    for (const reject of [...this.pending].slice(0, count)) {
      this.pending.delete(reject);
      reject(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }));
    }
  }
}

function setUp() {
  const net = new HangingNet();
  const clock = new FakeClock();
  const over = new AbortController();
  const tally: Tally = { begun: 0, failures: new Map(), strangers: 0 };
  const options = { net, clock, startAt: 0, signal: over.signal, accept: async () => true };
  let seed = 1;
  const fraction = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const random = { bytes: (length: number) => new Uint8Array(length), fraction };
  return { net, clock, over, tally, options, random };
}

describe('the random side', () => {
  it('has so many connections under way to the one endpoint, each from a port that the system picks', async () => {
    const { net, clock, over, tally, options } = setUp();
    const done = openMany(known, timeoutMs, options, tally);
    await clock.advance(5000);
    expect(net.begun).toHaveLength(openSockets);
    expect(net.begun.every(({ remote, local }) => remote === known && local?.port === 0)).toBe(true);
    over.abort();
    await done;
  });

  it('replaces those that fail, and no others', async () => {
    const { net, clock, over, tally, options } = setUp();
    const done = openMany(known, timeoutMs, options, tally);
    await clock.advance(1000);
    net.refuse(10);
    await clock.advance(100);
    expect(net.begun).toHaveLength(openSockets + 10);
    expect(net.pending.size).toBe(openSockets);
    over.abort();
    await done;
  });

  it('gives up replacing after a bounded number in all', async () => {
    const { net, clock, tally, options } = setUp();
    net.refuses = true;
    const done = openMany(known, timeoutMs, options, tally);
    await clock.advance(10_000);
    await done;
    expect(net.begun).toHaveLength(maxOpens);
    expect(tally).toEqual({ begun: maxOpens, failures: new Map([['ECONNREFUSED', maxOpens]]), strangers: 0 });
  });

  it('gives up soon when it is somebody else who answers', async () => {
    const { clock, tally, options } = setUp();
    const connectTcp = async () => new PassThrough();
    const done = openMany(known, timeoutMs, { ...options, net: { connectTcp }, accept: async () => false }, tally);
    await clock.advance(5000);
    await done;
    expect(tally.begun).toBeGreaterThanOrEqual(maxStrangers);
    expect(tally.begun).toBeLessThan(2 * maxStrangers);
  });

  it('keeps the pace while it replaces', async () => {
    const { net, clock, over, tally, options } = setUp();
    net.refuses = true;
    const done = openMany(known, timeoutMs, options, tally);
    await clock.advance(openDelayMs + 500);
    expect(Math.abs(net.begun.length - perSecond / 2)).toBeLessThan(20);
    over.abort();
    await done;
  });
});

describe('the known side', () => {
  it('probes each port once from its punching port, and a bounded number in all', async () => {
    const { net, clock, over, tally, options, random } = setUp();
    await settle();
    const done = probeMany(known.address, { ...options, random, localPort: 4000 }, tally);
    await clock.advance(10_000);
    await done;
    expect(new Set(net.begun.map(({ remote }) => remote.port)).size).toBe(maxProbes);
    expect(net.begun).toHaveLength(maxProbes);
    expect(net.begun.every(({ local, sharePort }) => local?.port === 4000 && sharePort)).toBe(true);
    over.abort();
  });

  it('begins after the other side and keeps the pace', async () => {
    const { net, clock, over, tally, options, random } = setUp();
    const done = probeMany(known.address, { ...options, random, localPort: 4000 }, tally);
    await clock.advance(probeDelayMs - 1);
    expect(net.begun).toHaveLength(0);
    await clock.advance(501);
    expect(Math.abs(net.begun.length - perSecond / 2)).toBeLessThan(20);
    over.abort();
    await done;
  });

  it('ends at once, with all that is under way, when the attempt is over', async () => {
    const { net, clock, over, tally, options, random } = setUp();
    const done = probeMany(known.address, { ...options, random, localPort: 4000 }, tally);
    await clock.advance(probeDelayMs + 100);
    const { length } = net.begun;
    expect(net.pending.size).toBe(length);
    over.abort();
    await done;
    await clock.advance(1000);
    expect(net.pending.size).toBe(0);
    expect(net.begun).toHaveLength(length);
    expect(clock.pending).toBe(0);
  });
});

describe('random ports', () => {
  it('are all from 1024 to 65535, each once', () => {
    const { random } = setUp();
    const ports = randomPorts(random.fraction);
    const all = Array.from({ length: 64_512 }, () => ports.next().value);
    expect(new Set(all).size).toBe(64_512);
    expect([Math.min(...all), Math.max(...all)]).toEqual([1024, 65_535]);
    expect(all.slice(0, 8)).not.toEqual([...all].sort((one, other) => one - other).slice(0, 8));
  });
});

describe('a pacer', () => {
  it('gives no credit for idle time', async () => {
    const clock = new FakeClock();
    const over = new AbortController();
    const pacer = new Pacer(clock, 1000);
    await clock.advance(10_000);
    let passed = 0;
    const walk = (async () => {
      for (;;) {
        await pacer.next(over.signal);
        passed += 1;
      }
    })();
    const ended = walk.catch(() => 'over');
    await settle();
    expect(passed).toBeLessThan(20);
    over.abort();
    expect(await ended).toBe('over');
  });
});
