import fc from 'fast-check';
import { expect, it } from 'vitest';
import { AttemptRunner, type ProvenPath } from '../../../src/core/attempt.js';
import { sleep } from '../../../src/core/clock.js';
import { defaultConfig } from '../../../src/core/config.js';
import { StrategyError } from '../../../src/core/errors.js';
import { EventSource } from '../../../src/core/events.js';
import { Ladder, LadderExhausted } from '../../../src/core/ladder.js';
import type { ByteStream } from '../../../src/core/net.js';
import { addressOf } from '../../../src/core/overlay-address.js';
import { greet } from '../../../src/core/signalling/greeting.js';
import type { SignallingLink } from '../../../src/core/signalling/link.js';
import { asPath, type Path, type Role, type Strategy } from '../../../src/core/strategy.js';
import { type Host, SimulatedNetwork } from '../../../src/testing.js';

/** Takes every connection, and says nothing. */
const sink = { address: '127.0.0.1', port: 9 };

/** What becomes of one end of an attempt. */
type Fate = 'opens' | 'fails' | 'throws' | 'hangs' | 'hangs for ever';

interface Rung {
  readonly kind: 'direct' | 'relayed';
  readonly afterMs: number;
  readonly near: Fate;
  readonly far: Fate;
  /** The path dies so long after it was opened. */
  readonly diesAfterMs: number | undefined;
}

interface Story {
  readonly rungs: readonly Rung[];
  /** Index of the strategy that worked the last time. */
  readonly first: number | undefined;
  /** The climb is called off, or the link between the agents breaks, or the far end leaves, so long after the start. */
  readonly end: { readonly what: 'abort' | 'link dies' | 'far end leaves'; readonly afterMs: number } | undefined;
  /** Paths after which who climbs wants no more. */
  readonly wanted: number;
  /** How long it looks at each, in milliseconds. */
  readonly looksMs: number;
}

/** Many of them coincide with the starts of other rungs, which are 250 ms apart. */
const moment = fc.constantFrom(0, 40, 250, 251, 500, 750, 1000, 1250, 31_000);
const fate = fc.constantFrom<Fate>(...Array<Fate>(9).fill('opens'), 'fails', 'throws', 'hangs', 'hangs for ever');
const story: fc.Arbitrary<Story> = fc.record({
  rungs: fc.array(
    fc.record({
      kind: fc.constantFrom('direct' as const, 'relayed' as const),
      afterMs: moment,
      near: fate,
      far: fate,
      diesAfterMs: fc.constantFrom(undefined, undefined, undefined, undefined, undefined, 0, 50, 200),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  first: fc.option(fc.nat(3), { nil: undefined, freq: 3 }),
  end: fc.option(
    fc.record({ what: fc.constantFrom('abort' as const, 'link dies' as const, 'far end leaves' as const), afterMs: moment }),
    { nil: undefined, freq: 2 },
  ),
  wanted: fc.constantFrom(1, 1, 2, 4),
  looksMs: fc.constantFrom(0, 60, 300, 1000),
});

/** Both ends of a climb on the simulated network, and all that it leaves behind. */
class Climb {
  readonly found: ProvenPath[] = [];
  /** Every end of every path that a strategy came up with. */
  readonly ends: ByteStream[] = [];
  /** Attempts that go on, by the signal that is to end them. */
  readonly running = new Set<AbortSignal>();
  error: unknown;
  readonly world = new SimulatedNetwork({ overlay: { delayMs: 20 } });
  readonly hosts: readonly [Host, Host] = [this.world.host('near'), this.world.host('far')];
  private links: SignallingLink[] = [];

  constructor(private readonly story: Story) {}

  async run(): Promise<void> {
    const { world, story } = this;
    this.links = await world.until(this.meet());
    const [near, far] = this.links as [SignallingLink, SignallingLink];
    near.rttMs = 100;
    const [climbing, following] = [this.ladder('controlling'), this.ladder('controlled')];
    far.serve((offer) => {
      following.follow(far, offer, new AbortController().signal).catch(() => {});
    });
    const over = new AbortController();
    const timer = story.end && world.clock.setTimer(story.end.afterMs, () => this.interrupt(over));
    const first = story.first === undefined ? undefined : `rung-${story.first}`;
    await world.until(this.climb(climbing, near, over.signal, first), 120_000);
    timer?.cancel();
    await world.run(1000);
  }

  /** Whoever climbed is done with what it was given, and with the peer. */
  async leave(): Promise<void> {
    for (const { drop } of this.found) drop('AGENT_STOPPED', 'The test is over.');
    for (const link of this.links) link.bye('The test is over.');
    await this.world.run(100_000);
  }

  get conversations(): number {
    return this.links.reduce((sum, link) => sum + (Reflect.get(link, 'conversations') as Map<string, unknown>).size, 0);
  }

  private interrupt(over: AbortController): void {
    const [near, far] = this.links;
    if (this.story.end?.what === 'abort') over.abort(new StrategyError('ATTEMPT_ABORTED', 'Called off.'));
    else if (this.story.end?.what === 'link dies') near?.stream.destroy();
    else far?.bye('leaving');
  }

  private async climb(ladder: Ladder, link: SignallingLink, signal: AbortSignal, first: string | undefined): Promise<void> {
    try {
      for await (const path of ladder.climb(link, signal, { first })) {
        this.found.push(path);
        await sleep(this.world.clock, this.story.looksMs);
        if (this.found.length >= this.story.wanted) break;
      }
    } catch (error) {
      this.error = error;
    }
  }

  private ladder(role: Role): Ladder {
    const { clock } = this.world;
    const config = defaultConfig();
    const settings = { current: { ...config, relay: { ...config.relay, use: 'always' as const } } };
    return new Ladder(this.strategies(role), settings, clock, new AttemptRunner(clock, new EventSource(role)));
  }

  private strategies(role: Role): Strategy[] {
    return this.story.rungs.map((rung, index) => ({
      name: `rung-${index}`,
      attempt: async ({ signal, secret }) => {
        this.running.add(signal);
        try {
          return await this.play(rung, role, signal, Buffer.from(secret).toString('hex'));
        } finally {
          this.running.delete(signal);
        }
      },
    }));
  }

  private async play(rung: Rung, role: Role, signal: AbortSignal, secret: string): Promise<Path> {
    const { clock } = this.world;
    const own = role === 'controlling' ? rung.near : rung.far;
    // One that ignores its abort for a while, against the contract.
    await sleep(clock, rung.afterMs, own === 'hangs for ever' ? undefined : signal);
    if (own === 'fails') throw new StrategyError('PUNCH_TIMEOUT', 'No luck.');
    if (own === 'throws') throw new TypeError('A defect of the strategy.');
    if (own !== 'opens') await sleep(clock, 35_000, own === 'hangs' ? signal : undefined);
    const stream = await (own === 'opens' ? this.openStream(role, secret, signal) : this.openToNobody(role));
    this.ends.push(stream);
    if (rung.diesAfterMs !== undefined) clock.schedule(rung.diesAfterMs, () => stream.destroy());
    return asPath(stream, { kind: rung.kind, local: 'here', remote: 'there' });
  }

  /** A path that comes long after anyone waits for it. */
  private openToNobody(role: Role): Promise<ByteStream> {
    const [near, far] = this.hosts;
    return (role === 'controlling' ? near : far).net.connectTcp({ remote: sink, timeoutMs: 1000 });
  }

  /** The far end listens, the near end dials until it does. */
  private openStream(role: Role, secret: string, signal: AbortSignal): Promise<ByteStream> {
    const [near, far] = this.hosts;
    const port = 1024 + (Number.parseInt(secret.slice(0, 8), 16) % 60_000);
    if (role === 'controlling') return this.dial({ address: far.address, port }, near, signal);
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const listening = far.net.listenTcp({
        local: { address: '0.0.0.0', port },
        onStream: (stream) => {
          void listening.then((listener) => listener.close());
          if (signal.aborted) stream.destroy();
          resolve(stream);
        },
      });
      signal.addEventListener('abort', () => {
        void listening.then((listener) => listener.close());
        reject(signal.reason as Error);
      });
    });
  }

  private async dial(remote: { address: string; port: number }, host: Host, signal: AbortSignal): Promise<ByteStream> {
    for (;;) {
      signal.throwIfAborted();
      const stream = await host.net.connectTcp({ remote, timeoutMs: 1000, signal }).catch(() => undefined);
      if (stream) return stream;
      await sleep(this.world.clock, 20, signal);
    }
  }

  private async meet(): Promise<SignallingLink[]> {
    const keys = ['11'.repeat(32), 'ee'.repeat(32)] as const;
    const [near, far] = this.hosts;
    for (const { net } of this.hosts)
      await net.listenTcp({ local: sink, onStream: (stream) => void stream.resume().on('end', () => stream.end()) });
    const accepted = new Promise<ByteStream>((resolve) => {
      void far.net.listenTcp({ local: { address: far.address, port: 4702 }, onStream: resolve });
    });
    const dialled = await near.net.connectTcp({ remote: { address: far.address, port: 4702 }, timeoutMs: 1000 });
    const names = this.story.rungs.map((_, index) => `rung-${index}`);
    return Promise.all(
      [dialled, await accepted].map((stream, index) =>
        greet(stream, {
          hello: { agent: '1.0.0', key: keys[index] ?? '', router: '0.5.14', strategies: names, features: [] },
          remote: addressOf(keys[1 - index] ?? ''),
          dialled: index === 0,
          clock: this.world.clock,
          random: this.world.random.fork(`end ${index}`),
          signal: new AbortController().signal,
          admit: () => {},
        }),
      ),
    );
  }
}

it('ends every climb in a state that makes sense, and leaves nothing behind', { timeout: 80_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(story, async (told) => {
      const climb = new Climb(told);
      await climb.run();
      const { found, error } = climb;

      // It hands out better and better paths, or says why there is none.
      const ranks = found.map(({ strategy }) => Number(strategy.slice('rung-'.length)));
      expect(ranks).toEqual([...ranks].sort((a, b) => b - a));
      expect(new Set(ranks).size).toBe(ranks.length);
      if (found.length === 0) expect(error).toBeInstanceOf(Error);
      else expect(error).toBeUndefined();
      if (error instanceof LadderExhausted) expect(error.failures).toHaveLength(told.rungs.length);
      else if (error) expect(told.end).toBeDefined();

      // What was not handed out is closed, and what still runs has been told to end.
      const held = new Set<unknown>(found.map(({ path }) => path));
      const farEnds = climb.ends.filter((stream) => stream.remoteAddress === climb.hosts[0].address);
      const nearEnds = climb.ends.filter((stream) => !farEnds.includes(stream));
      expect(nearEnds.filter((stream) => !held.has(stream) && !stream.destroyed)).toEqual([]);

      expect(climb.conversations).toBeLessThanOrEqual(2 * found.length);

      await climb.leave();
      expect([...climb.running].filter((signal) => !signal.aborted)).toEqual([]);
      expect(climb.ends.filter((stream) => !stream.destroyed)).toEqual([]);
      expect(climb.conversations).toBe(0);
      expect(climb.hosts.map(({ tcp }) => tcp.open)).toEqual([1, 2]);
      expect(climb.world.clock.pendingTimers).toBe(0);
    }),
    { seed: 8, numRuns: 400 },
  );
});
