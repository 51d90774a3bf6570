import { AttemptRunner, type ProvenPath } from '../../core/attempt.js';
import { type Clock, sleep } from '../../core/clock.js';
import { withDeadline } from '../../core/deadline.js';
import { describeError } from '../../core/errors.js';
import { EventSource } from '../../core/events.js';
import { addressOf } from '../../core/overlay-address.js';
import { greet } from '../../core/signalling/greeting.js';
import type { AttemptOffer, SignallingLink } from '../../core/signalling/link.js';
import type { Path, Role, Strategy, StrategyServices } from '../../core/strategy.js';
import { Breach } from './breach.js';
import { type Conduct, End } from './end.js';
import type { ConformanceNetwork } from './network.js';
import { type OverlayLine, overlayLine } from './overlay-line.js';
import type { StrategySupport } from './support.js';

/** One way of the overlay, in milliseconds. */
const overlayDelayMs = 30;
/** Keys of the two ends: the lower controls. */
const keys: Readonly<Record<Role, string>> = { controlling: '11'.repeat(32), controlled: 'ee'.repeat(32) };
/** How long an attempt may take before the agent gives it up, in milliseconds. */
export const attemptLimitMs = 30_000;

export interface TrialParts {
  readonly network: ConformanceNetwork;
  readonly factory: (services: StrategyServices) => Strategy;
  readonly supports: StrategySupport;
  /** Which place controls. */
  readonly controlling: 0 | 1;
}

/** An attempt at one end. */
export interface Running {
  /** The strategy was called: both ends have agreed on the attempt. */
  begun: boolean;
  /** What the strategy promised. */
  readonly raw: Promise<Path>;
  /** What came of it: the agent's own code ran it, proved it and measured it. */
  readonly proven: Promise<ProvenPath>;
}

/** Two ends with the strategy, that have met over the overlay. Attempts run as in an agent, by the same code. */
export class Trial {
  /** Paths and attempts under way, to be ended with the trial. */
  private readonly runs: Running[] = [];
  private readonly over = new AbortController();
  private readonly runner: AttemptRunner;
  private readonly awaited: ((offer: AttemptOffer) => void)[] = [];

  private constructor(
    readonly network: ConformanceNetwork,
    readonly supports: StrategySupport,
    private readonly ends: Readonly<Record<Role, End>>,
    private readonly links: Readonly<Record<Role, SignallingLink>>,
    private readonly line: OverlayLine,
  ) {
    const { clock } = network;
    this.runner = new AttemptRunner(clock, new EventSource('conformance', () => clock.wallTime()));
    links.controlled.serve((offer) => this.awaited.shift()?.(offer));
  }

  static async open({ network, factory, supports, controlling }: TrialParts): Promise<Trial> {
    const { clock, places } = network;
    const line = overlayLine(clock, overlayDelayMs);
    const [here, there] = controlling === 0 ? places : [places[1], places[0]];
    const ends = {
      controlling: new End('controlling', here, factory),
      controlled: new End('controlled', there, factory),
    };
    const { name } = ends.controlling.strategy;
    const meet = (role: Role, index: 0 | 1) =>
      greet(line.ends[index], {
        hello: { agent: '1.0.0', key: keys[role], router: '0.5.14', strategies: [name], features: [] },
        remote: addressOf(keys[other(role)]),
        dialled: index === 0,
        clock,
        random: ends[role].place.random,
        signal: new AbortController().signal,
        admit: () => {},
      });
    const [first, second] = await Promise.all([meet('controlling', 0), meet('controlled', 1)]);
    await Promise.all([first.measure(), second.measure()]);
    await Promise.all(Object.values(ends).map(({ strategy }) => strategy.start?.()));
    return new Trial(network, supports, ends, { controlling: first, controlled: second }, line);
  }

  get clock(): Clock {
    return this.network.clock;
  }

  get both(): readonly [End, End] {
    return [this.ends.controlling, this.ends.controlled];
  }

  end(role: Role): End {
    return this.ends[role];
  }

  /** Begins an attempt at both ends. */
  start(conduct: Partial<Record<Role, Conduct>> = {}): Readonly<Record<Role, Running>> {
    const offered = new Promise<AttemptOffer>((resolve) => this.awaited.push(resolve));
    const running = {
      controlling: this.run('controlling', conduct.controlling, (name) => this.links.controlling.offer(name, this.over.signal)),
      controlled: this.run('controlled', conduct.controlled, async () => (await offered).accept()),
    };
    this.runs.push(running.controlling, running.controlled);
    return running;
  }

  /** Opens a path and hands it over at both ends, as agents do. @throws Breach when there is none */
  async openPath(conduct: Partial<Record<Role, Conduct>> = {}): Promise<Readonly<Record<Role, Path>>> {
    const { controlling, controlled } = this.start(conduct);
    try {
      const found = await controlling.proven;
      await found.start(this.over.signal);
      const paths = { controlling: found.path, controlled: (await controlled.proven).path };
      // What breaks is found by reading, as in an agent.
      for (const path of Object.values(paths)) path.on('error', () => {});
      return paths;
    } catch {
      const reasons = await Promise.all([reason(controlling.proven), reason(controlled.proven)]);
      throw new Breach(
        'both ends get a path',
        `the controlling end ${reasons[0] ?? 'has one'}; the controlled end ${reasons[1] ?? 'has one'}`,
      );
    }
  }

  /** The other end is gone and nobody says so: no message and no packet arrives any more. */
  vanish(): void {
    this.line.silence();
    this.network.cut();
  }

  /** Waits for something that has to happen in time. */
  within<Value>(promise: Promise<Value>, timeoutMs: number, expected: string): Promise<Value> {
    return withDeadline(promise, {
      clock: this.clock,
      timeoutMs,
      expired: () => new Breach(`${expected} within ${timeoutMs / 1000} s`, 'it did not'),
    });
  }

  sleep(durationMs: number): Promise<void> {
    return sleep(this.clock, durationMs);
  }

  async expectNothingHeld(when: string): Promise<void> {
    for (const end of this.both) await end.expectNothingHeld(when);
  }

  /** Ends whatever goes on. Never rejects. */
  async close(): Promise<void> {
    this.over.abort(new Error('The trial is over.'));
    for (const { raw, proven } of this.runs) {
      for (const outcome of [raw, proven.then(({ path }) => path)]) {
        outcome.then(
          (path) => path.destroy?.(),
          () => {},
        );
      }
    }
    for (const role of ['controlling', 'controlled'] as const) this.links[role].abandon();
    const closing = Promise.all(this.both.map(async ({ strategy }) => strategy.close?.()));
    await this.within(closing, 10_000, 'close').catch(() => {});
  }

  private run(role: Role, conduct: Conduct = {}, converse: (name: string) => ReturnType<SignallingLink['offer']>): Running {
    let resolveRaw: (raw: Promise<Path>) => void = () => {};
    const raw = new Promise<Path>((resolve) => {
      resolveRaw = resolve;
    });
    const strategy = this.ends[role].observed(conduct, (promised) => {
      running.begun = true;
      resolveRaw(promised);
    });
    const signal = AbortSignal.any([this.over.signal, ...(conduct.signal ? [conduct.signal] : [])]);
    const proven = (async () => this.runner.run(this.links[role], await converse(strategy.name), strategy, signal))();
    // Whoever needs the outcome asks for it.
    for (const promise of [raw, proven]) promise.catch(() => {});
    const running: Running = { begun: false, raw, proven };
    return running;
  }
}

export function other(role: Role): Role {
  return role === 'controlling' ? 'controlled' : 'controlling';
}

async function reason(proven: Promise<ProvenPath>): Promise<string | undefined> {
  try {
    await proven;
    return undefined;
  } catch (error) {
    const { code, message } = describeError(error);
    return `failed with ${code}: ${message}`;
  }
}
