import { inject, injectable } from 'tsyringe';
import { AttemptRunner, type ProvenPath } from './attempt.js';
import { type Clock, sleep } from './clock.js';
import { StrategyError } from './errors.js';
import { isSlower, worthHaving } from './path-worth.js';
import type { AttemptOffer, SignallingLink } from './signalling/link.js';
import type { PathInfo, Strategy } from './strategy.js';
import { type Settings, tokens } from './tokens.js';

/** Pause before the next strategy starts beside those under way, in milliseconds. */
const staggerMs = 250;

export interface AttemptFailure {
  readonly strategy: string;
  readonly error: unknown;
}

/** Every attempt failed: why, one by one, in the order they did. */
export class LadderExhausted extends AggregateError {
  constructor(readonly failures: readonly AttemptFailure[]) {
    super(
      failures.map(({ error }) => error),
      'No strategy opened a path.',
    );
  }
}

export interface ClimbOptions {
  /** Strategy to try before the others, because it worked the last time. Its rank stays what the config says. */
  readonly first?: string | undefined;
  /** Only what may better this path: the strategies that the config ranks above its own, and its own if that reroutes. */
  readonly better?: PathInUse | undefined;
}

export interface PathInUse {
  readonly strategy: string;
  readonly kind: PathInfo['kind'];
  /** Milliseconds. */
  readonly rttMs: number;
}

/** One strategy in a climb. A lower rank is better. */
interface Rung {
  readonly strategy: Strategy;
  readonly rank: number;
  readonly stop: AbortController;
  started: boolean;
}

/** Orders the attempts for one peer: the controlling end climbs, the controlled end follows. */
@injectable()
export class Ladder {
  constructor(
    @inject(tokens.strategies) private readonly strategies: readonly Strategy[],
    @inject(tokens.settings) private readonly settings: Settings,
    @inject(tokens.clock) private readonly clock: Clock,
    @inject(AttemptRunner) private readonly runner: AttemptRunner,
  ) {}

  /**
   * Controlling end: tries what both ends have enabled. The next starts when those before have failed or the stagger has passed. The
   * first path that is worth having is handed out, and then each one of a better rank: worse ones are called off, better ones that
   * are under way go on, and after a relayed path those that have not begun yet begin.
   * Ending the iteration calls off what is under way.
   * @throws LadderExhausted when nothing came of it, StrategyError when there is nothing to try
   */
  async *climb(link: SignallingLink, signal: AbortSignal, options: ClimbOptions = {}): AsyncGenerator<ProvenPath, void> {
    const rungs = this.rungs(link, options);
    const over = new AbortController();
    const climbing = AbortSignal.any([signal, link.signal, over.signal]);
    const outcomes = this.start(link, rungs, climbing);
    const failures: AttemptFailure[] = [];
    let best = Number.POSITIVE_INFINITY;
    let inUse: Omit<PathInUse, 'strategy'> | undefined = options.better;
    try {
      for (const _ of rungs) {
        const outcome = await outcomes.next();
        if ('error' in outcome) failures.push({ strategy: outcome.rung.strategy.name, error: outcome.error });
        else if (outcome.rung.rank > best) outcome.found.drop('PATH_SUPERSEDED', 'A better strategy won.');
        else if (inUse && this.losesTime(outcome.found, inUse)) {
          const message = `The path by ${outcome.rung.strategy.name} is slower than the one before.`;
          outcome.found.drop('PATH_SLOWER', message);
          failures.push({ strategy: outcome.rung.strategy.name, error: new StrategyError('PATH_SLOWER', message) });
        } else {
          best = outcome.rung.rank;
          const { rttMs, path } = outcome.found;
          const direct = path.info.kind === 'direct';
          inUse = { kind: path.info.kind, rttMs };
          for (const { rank, started, stop } of rungs)
            if (rank > best || (direct && !started)) stop.abort(superseded(outcome.rung));
          yield outcome.found;
        }
      }
    } finally {
      over.abort(new StrategyError('PATH_SUPERSEDED', 'The climb is over.'));
      // What was found while the one before was looked at.
      for (const outcome of outcomes.rest()) if ('found' in outcome) outcome.found.drop('PATH_SUPERSEDED', 'The climb is over.');
    }
    if (best < Number.POSITIVE_INFINITY) return;
    signal.throwIfAborted();
    link.signal.throwIfAborted();
    throw new LadderExhausted(failures);
  }

  /** Could a climb better a path of this strategy? */
  canBetter(link: SignallingLink, strategy: string): boolean {
    return betterThan(strategy, this.common(link)).length > 0;
  }

  /** Controlled end: runs what the peer offers. @returns the path once the peer has started it @throws StrategyError */
  async follow(link: SignallingLink, offer: AttemptOffer, signal: AbortSignal): Promise<ProvenPath> {
    const strategy = this.strategies.find((candidate) => candidate.name === offer.strategy);
    if (!strategy) {
      offer.refuse('STRATEGY_DISABLED', `${offer.strategy} is not enabled here`);
      throw new StrategyError('NO_COMMON_STRATEGY', `The peer offered ${offer.strategy}, which is not enabled here.`);
    }
    return this.runner.run(link, offer.accept(), strategy, AbortSignal.any([signal, link.signal]));
  }

  /** Would a path take the place of a faster one? Between direct paths rank decides: they lead the same way, and differ by what else goes there. */
  private losesTime({ path, rttMs }: ProvenPath, inUse: Omit<PathInUse, 'strategy'>): boolean {
    if (this.settings.current.bridge.evenIfSlower) return false;
    return (path.info.kind === 'relayed' || inUse.kind === 'relayed') && isSlower(rttMs, inUse.rttMs);
  }

  private common(link: SignallingLink): Strategy[] {
    return this.strategies.filter((strategy) => link.identity.strategies.includes(strategy.name));
  }

  private rungs(link: SignallingLink, { first, better }: ClimbOptions): Rung[] {
    const common = this.common(link);
    if (common.length === 0) {
      throw new StrategyError('NO_COMMON_STRATEGY', `The peer enables ${link.identity.strategies.join(', ') || 'no strategy'}.`);
    }
    const eligible = better === undefined ? common : betterThan(better.strategy, common);
    const rungs = eligible.map((strategy, rank) => ({ strategy, rank, stop: new AbortController(), started: false }));
    return rungs.sort((a, b) => Number(b.strategy.name === first) - Number(a.strategy.name === first) || a.rank - b.rank);
  }

  /** Starts every rung in its turn. What is found after the climb is over is given back. */
  private start(link: SignallingLink, rungs: readonly Rung[], climbing: AbortSignal): OutcomeQueue {
    const outcomes = new OutcomeQueue();
    const running: Promise<void>[] = [];
    for (const [index, rung] of rungs.entries()) {
      const signal = AbortSignal.any([climbing, rung.stop.signal]);
      const earlier = Promise.all([...running]);
      const turn = index === 0 ? Promise.resolve() : Promise.race([earlier, sleep(this.clock, index * staggerMs, signal)]);
      const attempt = turn.then(() => this.try(link, rung, signal));
      running.push(
        attempt.then(
          (found) => {
            if (climbing.aborted) found.drop('PATH_SUPERSEDED', 'The climb is over.');
            else outcomes.push({ rung, found });
          },
          (error: unknown) => outcomes.push({ rung, error }),
        ),
      );
    }
    return outcomes;
  }

  private async try(link: SignallingLink, rung: Rung, signal: AbortSignal): Promise<ProvenPath> {
    signal.throwIfAborted();
    rung.started = true;
    const conversation = await link.offer(rung.strategy.name, signal);
    const found = await this.runner.run(link, conversation, rung.strategy, signal);
    if (worthHaving(found.path.info.kind, found, this.settings.current)) return found;
    const message = `The path by ${found.strategy} takes ${found.rttMs.toFixed(1)} ms and the overlay ${found.overlayRttMs.toFixed(1)} ms.`;
    found.drop('PATH_SLOWER', message);
    throw new StrategyError('PATH_SLOWER', message);
  }
}

/** All, should the strategy itself not be among them. */
function betterThan(strategy: string, common: readonly Strategy[]): readonly Strategy[] {
  const own = common.findIndex(({ name }) => name === strategy);
  if (own < 0) return common;
  return common.slice(0, common[own]?.reroutes ? own + 1 : own);
}

type Outcome = { readonly rung: Rung; readonly found: ProvenPath } | { readonly rung: Rung; readonly error: unknown };

/** Outcomes in the order they come. */
class OutcomeQueue {
  private readonly waiting: Outcome[] = [];
  private wake: ((outcome: Outcome) => void) | undefined;

  push(outcome: Outcome): void {
    const { wake } = this;
    this.wake = undefined;
    if (wake) wake(outcome);
    else this.waiting.push(outcome);
  }

  /** Those that nobody has taken. */
  rest(): readonly Outcome[] {
    return this.waiting.splice(0);
  }

  next(): Promise<Outcome> {
    const outcome = this.waiting.shift();
    if (outcome) return Promise.resolve(outcome);
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }
}

function superseded({ strategy }: Rung): StrategyError {
  return new StrategyError('PATH_SUPERSEDED', `${strategy.name} won.`);
}
