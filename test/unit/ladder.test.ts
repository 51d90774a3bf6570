import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { AttemptRunner, type ProvenPath } from '../../src/core/attempt.js';
import { sleep } from '../../src/core/clock.js';
import { defaultConfig } from '../../src/core/config.js';
import { StrategyError } from '../../src/core/errors.js';
import { type AgentEvent, EventSource, onEvent } from '../../src/core/events.js';
import { type ClimbOptions, Ladder, LadderExhausted } from '../../src/core/ladder.js';
import type { AttemptContext, Path, Strategy } from '../../src/core/strategy.js';
import { asPath } from '../../src/core/strategy.js';
import { duplexPair } from './duplex-pair.js';
import { settle } from './fake-clock.js';
import { type LinkedEnds, linkedEnds } from './links.js';

type Attempt = (context: AttemptContext) => Promise<Path>;

/** Both ends of a wire that a strategy under test returns as its path. */
class Wire {
  private readonly ends: [Duplex, Duplex] = duplexPair();

  /** @param delayMs what each direction takes, by the clock of the climb */
  constructor(
    private readonly kind: 'direct' | 'relayed' = 'direct',
    delayMs = 0,
  ) {
    for (const end of delayMs > 0 ? this.ends : []) {
      const write = end._write.bind(end);
      end._write = (...args) => void lastEnds.clock.setTimer(delayMs, () => write(...args));
    }
  }

  readonly attempt: Attempt = async ({ role }) => {
    const stream = this.ends[role === 'controlling' ? 0 : 1];
    return asPath(stream, { kind: this.kind, local: 'here', remote: 'there' });
  };

  get destroyed(): boolean {
    return this.ends.every((end) => end.destroyed);
  }
}

const fails =
  (code: 'PUNCH_TIMEOUT' | 'NO_CANDIDATES'): Attempt =>
  async () => {
    throw new StrategyError(code, 'No luck.');
  };

/** Never opens a path; rejects when it is called off, as the contract asks. */
const hangs: Attempt = ({ signal }) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }));

const late =
  (delayMs: number, attempt: Attempt): Attempt =>
  async (context) => {
    const { clock } = lastEnds;
    await sleep(clock, delayMs, context.signal);
    return attempt(context);
  };

/** Of the climb that was begun last: its clock is the attempts'. */
let lastEnds: LinkedEnds;

interface Climb {
  readonly ends: LinkedEnds;
  /** The first path. */
  readonly outcome: Promise<ProvenPath>;
  /** The whole climb. */
  readonly climbing: Promise<void>;
  readonly found: readonly ProvenPath[];
  readonly followed: Promise<ProvenPath>[];
  readonly started: string[];
}

interface ClimbCircumstances extends ClimbOptions {
  readonly overlayRttMs?: number;
  readonly evenIfSlower?: boolean;
  /** Strategies that reroute. */
  readonly reroutes?: readonly string[];
}

async function climb(
  attempts: Record<string, Attempt>,
  { overlayRttMs = 100, evenIfSlower = false, reroutes = [], ...options }: ClimbCircumstances = {},
): Promise<Climb> {
  const names = Object.keys(attempts);
  const ends = await linkedEnds([names, names]);
  lastEnds = ends;
  const started: string[] = [];
  const makeLadder = (strategies: Strategy[]) => {
    const config = defaultConfig();
    const settings = { current: { ...config, bridge: { ...config.bridge, evenIfSlower } } };
    return new Ladder(strategies, settings, ends.clock, new AttemptRunner(ends.clock, new EventSource('test')));
  };
  const near = names.map((name) => ({
    name,
    reroutes: reroutes.includes(name),
    attempt: (context: AttemptContext) => {
      started.push(name);
      return (attempts[name] as Attempt)(context);
    },
  }));
  const far = names.map((name) => ({ name, attempt: attempts[name] as Attempt }));
  const followed: Promise<ProvenPath>[] = [];
  ends.controlled.serve((offer) => {
    const run = makeLadder(far).follow(ends.controlled, offer, new AbortController().signal);
    run.catch(() => {});
    followed.push(run);
  });
  ends.controlling.rttMs = overlayRttMs;
  const found: ProvenPath[] = [];
  const climbing = (async () => {
    for await (const path of makeLadder(near).climb(ends.controlling, new AbortController().signal, options)) found.push(path);
  })();
  climbing.catch(() => {});
  const outcome = (async () => {
    while (found.length === 0) await Promise.race([climbing, settle()]);
    return found[0] as ProvenPath;
  })();
  outcome.catch(() => {});
  return { ends, outcome, climbing, found, followed, started };
}

describe('the ladder', () => {
  it('closes a stream that was proven while its strategy failed', async () => {
    const [near, far] = duplexPair();
    // The peer does not let go of its end.
    far.destroy = () => far;
    const proving: Attempt = async ({ prove, role }) => {
      const stream = await prove(role === 'controlling' ? near : far, { speakFirst: role === 'controlling' });
      if (role === 'controlling') throw new StrategyError('NO_CANDIDATES', 'The peer’s message made no sense.');
      return asPath(stream, { kind: 'direct', local: 'here', remote: 'there' });
    };
    const { climbing } = await climb({ first: proving });
    await expect(climbing).rejects.toBeInstanceOf(LadderExhausted);
    expect(near.destroyed).toBe(true);
  });

  it('gives both ends the path of the first strategy that works', async () => {
    const { outcome, followed } = await climb({ first: new Wire().attempt });
    const found = await outcome;
    expect(found).toMatchObject({ strategy: 'first', rttMs: 0, overlayRttMs: 100 });
    await found.start(new AbortController().signal);
    const far = await followed[0];
    expect(far?.secret).toEqual(found.secret);
    found.path.write('from here');
    await settle();
    expect(String(far?.path.read())).toBe('from here');
  });

  it('goes on at once when a strategy fails', async () => {
    const { outcome, ends, started } = await climb({ first: fails('NO_CANDIDATES'), second: new Wire().attempt });
    expect((await outcome).strategy).toBe('second');
    expect(ends.clock.now()).toBe(0);
    expect(started).toEqual(['first', 'second']);
  });

  it('destroys a stream that was proven for a strategy that then failed', async () => {
    const wire = new Wire();
    const proves: Attempt = async (context) => {
      await context.prove(await wire.attempt(context), { speakFirst: true });
      // The other end has settled on it by then, too.
      await settle();
      throw new StrategyError('STRATEGY_NO_PATH', 'It came too late.');
    };
    const { outcome } = await climb({ proves });
    await outcome.catch(() => {});
    await settle();
    expect(wire.destroyed).toBe(true);
  });

  it('starts the next beside a better one that takes its time, and lets that go on to its deadline', async () => {
    const { outcome, ends, started } = await climb({ first: hangs, second: new Wire().attempt });
    await ends.clock.advance(249);
    expect(started).toEqual(['first']);
    await ends.clock.advance(1);
    const found = await outcome;
    expect(found.strategy).toBe('second');
    await found.start(new AbortController().signal);
    await ends.clock.advance(30_000);
    expect(ends.clock.pending).toBe(0);
  });

  it('says why each strategy failed when none is left', async () => {
    const { outcome } = await climb({ first: fails('NO_CANDIDATES'), second: fails('PUNCH_TIMEOUT') });
    const error = await outcome.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(LadderExhausted);
    expect((error as LadderExhausted).failures.map(({ strategy }) => strategy)).toEqual(['first', 'second']);
  });

  it('does not use a path that is slower than the overlay, and closes it', async () => {
    const wire = new Wire();
    const { outcome } = await climb({ first: wire.attempt }, { overlayRttMs: -50 });
    const error = await outcome.catch((reason: unknown) => reason);
    expect((error as LadderExhausted).errors[0]).toMatchObject({ code: 'PATH_SLOWER' });
    await settle();
    expect(wire.destroyed).toBe(true);
  });

  it('uses a slower path where the operator says so', async () => {
    const { outcome } = await climb({ first: new Wire().attempt }, { overlayRttMs: -50, evenIfSlower: true });
    expect((await outcome).strategy).toBe('first');
  });

  it('turns whatever a strategy throws into an error that names the strategy', async () => {
    const { outcome } = await climb({
      first: async (context) => {
        if (context.role === 'controlled') return hangs(context);
        throw new TypeError('undefined is not a function');
      },
    });
    const error = (await outcome.catch((reason: unknown) => reason)) as LadderExhausted;
    expect(error.errors[0]).toMatchObject({ code: 'STRATEGY_FAILED', message: expect.stringContaining('first') });
  });

  it('gives up on a strategy that ignores its abort, and closes what it comes up with later', async () => {
    const [late] = duplexPair();
    let finish: (path: Path) => void = () => {};
    const deaf: Attempt = () =>
      new Promise((resolve) => {
        finish = resolve;
      });
    const { outcome, ends } = await climb({ first: deaf });
    await ends.clock.advance(30_000);
    await expect(outcome).rejects.toBeInstanceOf(LadderExhausted);
    finish(asPath(late, { kind: 'direct', local: '', remote: '' }));
    await settle();
    expect(late.destroyed).toBe(true);
    expect(ends.clock.pending).toBe(0);
  });

  it('ends when the link does', async () => {
    const { outcome, ends } = await climb({ first: hangs });
    await settle();
    ends.controlled.bye('going home');
    await expect(outcome).rejects.toMatchObject({ code: 'PEER_LEFT' });
    await settle();
    expect(ends.clock.pending).toBe(0);
  });

  it('has nothing to climb without a common strategy', async () => {
    const { outcome } = await climb({});
    await expect(outcome).rejects.toMatchObject({ code: 'NO_COMMON_STRATEGY' });
  });

  it('tells each attempt’s beginning and end as events', async () => {
    const seen: AgentEvent[] = [];
    const stop = onEvent((event) => seen.push(event));
    const { outcome } = await climb({ first: fails('PUNCH_TIMEOUT') });
    await outcome.catch(() => {});
    await settle();
    stop();
    expect(seen.filter(({ event }) => event === 'attempt.started')).toHaveLength(2);
    const failed = seen.filter((event) => event.event === 'attempt.failed');
    expect(failed[0]).toMatchObject({ code: 'PUNCH_TIMEOUT', strategy: 'first' });
  });

  it('hands out a path of a better rank that comes later', async () => {
    const { climbing, found, ends } = await climb({ first: late(600, new Wire().attempt), second: new Wire().attempt });
    await ends.clock.advance(300);
    expect(found.map(({ strategy }) => strategy)).toEqual(['second']);
    await ends.clock.advance(400);
    await climbing;
    expect(found.map(({ strategy }) => strategy)).toEqual(['second', 'first']);
  });

  it('calls off worse ones when a better one has won', async () => {
    const { climbing, found, ends } = await climb({ first: late(300, new Wire().attempt), second: hangs });
    await ends.clock.advance(400);
    await climbing;
    expect(found.map(({ strategy }) => strategy)).toEqual(['first']);
  });

  it('begins no other direct attempt after a direct path', async () => {
    const { climbing, started } = await climb({ first: fails('NO_CANDIDATES'), second: new Wire().attempt, third: hangs });
    await climbing;
    expect(started).toEqual(['first', 'second']);
  });

  it('goes on to the direct ones after a relayed path that came first', async () => {
    const attempts = { first: new Wire().attempt, second: new Wire('relayed').attempt };
    const { climbing, found, started, ends } = await climb(attempts, { first: 'second' });
    await ends.clock.advance(300);
    await climbing;
    expect(started).toEqual(['second', 'first']);
    expect(found.map(({ strategy }) => strategy)).toEqual(['second', 'first']);
  });

  it('starts with what worked the last time', async () => {
    const { climbing, started } = await climb({ first: new Wire().attempt, second: new Wire().attempt }, { first: 'second' });
    await climbing;
    expect(started).toEqual(['second']);
  });

  it('tries only what is ranked above a given strategy', async () => {
    const { climbing, started } = await climb(
      { first: fails('NO_CANDIDATES'), second: hangs, third: hangs },
      { better: { strategy: 'second', kind: 'relayed', rttMs: 10 } },
    );
    await expect(climbing).rejects.toBeInstanceOf(LadderExhausted);
    expect(started).toEqual(['first']);
  });

  it('tries a given strategy again, too, if it reroutes', async () => {
    const { climbing, started } = await climb(
      { first: fails('NO_CANDIDATES'), second: fails('NO_CANDIDATES'), third: hangs },
      { better: { strategy: 'second', kind: 'relayed', rttMs: 10 }, reroutes: ['second'] },
    );
    await expect(climbing).rejects.toBeInstanceOf(LadderExhausted);
    expect(started).toEqual(['first', 'second']);
  });

  it('finds nothing better in a path that is measurably slower than the one in use', async () => {
    const slow = new Wire('direct', 40);
    const inUse = { strategy: 'second', kind: 'relayed', rttMs: 20 } as const;
    const { climbing, ends } = await climb({ first: slow.attempt, second: hangs }, { better: inUse });
    await ends.clock.advance(5000);
    await expect(climbing).rejects.toMatchObject({ failures: [{ strategy: 'first', error: { code: 'PATH_SLOWER' } }] });
    expect(slow.destroyed).toBe(true);
  });

  it('takes the direct path of the better rank for another direct one, whatever was measured of the two', async () => {
    const longer = late(600, new Wire('direct', 40).attempt);
    const { climbing, found, ends } = await climb({ first: longer, second: new Wire().attempt });
    await ends.clock.advance(5000);
    await climbing;
    expect(found.map(({ strategy }) => strategy)).toEqual(['second', 'first']);
  });

  it('keeps a relayed path where the direct one that comes later is measurably slower', async () => {
    const slow = new Wire('direct', 40);
    const { climbing, found, ends } = await climb(
      { first: slow.attempt, second: new Wire('relayed').attempt },
      { first: 'second' },
    );
    await ends.clock.advance(5000);
    await climbing;
    expect(found.map(({ strategy }) => strategy)).toEqual(['second']);
    expect(slow.destroyed).toBe(true);
  });
});
