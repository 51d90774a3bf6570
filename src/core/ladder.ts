import { inject, injectable } from 'tsyringe';
import { AttemptRunner, type ProvenPath } from './attempt.js';
import { type Clock, sleep } from './clock.js';
import { StrategyError } from './errors.js';
import type { AttemptOffer, SignallingLink } from './signalling/link.js';
import type { Strategy } from './strategy.js';
import { type Settings, tokens } from './tokens.js';

/** Pause before the next strategy starts beside those under way, in milliseconds. */
const staggerMs = 250;
/** A path may be this much slower than the overlay before it counts as slower: the noise of a few pings. */
const slowerFactor = 1.1;
const slowerSlackMs = 5;

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
   * Controlling end: tries what both ends have enabled, in our order. The next starts when the last failed or the stagger has
   * passed; the first path that is worth having wins and the others are called off.
   * @throws LadderExhausted when all failed, StrategyError when there is nothing to try
   */
  async climb(link: SignallingLink, signal: AbortSignal): Promise<ProvenPath> {
    const common = this.strategies.filter((strategy) => link.identity.strategies.includes(strategy.name));
    if (common.length === 0) {
      throw new StrategyError('NO_COMMON_STRATEGY', `The peer enables ${list(link.identity.strategies)}.`);
    }
    const won = new AbortController();
    const climbing = AbortSignal.any([signal, link.signal, won.signal]);
    const failures: AttemptFailure[] = [];
    const running: Promise<ProvenPath>[] = [];
    for (const [index, strategy] of common.entries()) {
      const earlier = Promise.allSettled([...running]);
      const turn = index === 0 ? Promise.resolve() : Promise.race([earlier, sleep(this.clock, index * staggerMs, climbing)]);
      const attempt = turn.then(() => this.try(link, strategy, climbing, won));
      attempt.catch((error: unknown) => failures.push({ strategy: strategy.name, error }));
      running.push(attempt);
    }
    try {
      return await Promise.any(running);
    } catch {
      signal.throwIfAborted();
      link.signal.throwIfAborted();
      throw new LadderExhausted(failures);
    }
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

  private async try(link: SignallingLink, strategy: Strategy, climbing: AbortSignal, won: AbortController): Promise<ProvenPath> {
    climbing.throwIfAborted();
    const conversation = await link.offer(strategy.name, climbing);
    const found = await this.runner.run(link, conversation, strategy, climbing);
    this.refuseSlower(found);
    // Only one may win: a path that comes in the same turn as another is given back.
    if (won.signal.aborted) found.drop('PATH_SUPERSEDED', 'another strategy won');
    won.signal.throwIfAborted();
    won.abort(new StrategyError('PATH_SUPERSEDED', `${strategy.name} won.`));
    return found;
  }

  private refuseSlower(found: ProvenPath): void {
    const { rttMs, overlayRttMs, strategy } = found;
    if (this.settings.current.bridge.evenIfSlower || rttMs <= overlayRttMs * slowerFactor + slowerSlackMs) return;
    const message = `The path by ${strategy} takes ${rttMs.toFixed(1)} ms and the overlay ${overlayRttMs.toFixed(1)} ms.`;
    found.drop('PATH_SLOWER', message);
    throw new StrategyError('PATH_SLOWER', message);
  }
}

function list(names: readonly string[]): string {
  return names.length > 0 ? names.join(', ') : 'no strategy';
}
