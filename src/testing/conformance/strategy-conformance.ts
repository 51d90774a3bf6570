import type { Strategy, StrategyServices } from '../../core/strategy.js';
import { Breach, ConformanceError } from './breach.js';
import type { ConformanceNetworks, ServerPlace } from './network.js';
import type { Rule } from './rule.js';
import { opens } from './rules/opens.js';
import { rules } from './rules.js';
import { simulated } from './simulated.js';
import { type Situation, situations } from './situation.js';
import { watchForStrays } from './strays.js';
import type { StrategySupport } from './support.js';
import { Trial } from './trial.js';

/** What declares a test: `test` of vitest, node:test or jest, `it` of mocha. */
export interface TestFunction {
  (name: string, body: () => Promise<void>): unknown;
  skip(name: string, body: () => void): unknown;
}

export interface ConformanceOptions<Prepared = undefined> {
  readonly test: TestFunction;
  /** Makes the strategy, once for each end of each test. @param prepared what `prepare` resolved to */
  factory(services: StrategyServices, prepared: Prepared): Strategy;
  readonly supports: StrategySupport;
  /** Sets up what the strategy needs on the network, such as a server of its own. */
  prepare?(server: ServerPlace): Promise<Prepared>;
  /** What becomes of rules that do not concern what the strategy claims: skipped by name, or not declared at all. @default skip */
  readonly unclaimed?: 'skip' | 'omit';
  /** Where the tests run. @default simulated */
  readonly networks?: ConformanceNetworks;
}

/** How long setting up and tidying up may take, in milliseconds of the network's clock. */
const setUpMs = 60_000;
const ruleLimitMs = 600_000;

/**
 * Declares one test for every rule of the contract that {@link Strategy} is, and skips by name those that do not concern what the
 * strategy claims. A test fails with a {@link ConformanceError} that says what was expected, what happened and why it matters.
 *
 * ```ts
 * strategyConformance({ test, factory: (services) => mine.create({}, services), supports: { opens: ['two-nats', 'public'] } });
 * ```
 */
export function strategyConformance<Prepared = undefined>(options: ConformanceOptions<Prepared>): void {
  const { test, supports, networks = simulated, unclaimed = 'skip' } = options;
  const declare = (rule: Rule, reason: string | undefined, body: () => Promise<void>) => {
    // Runners hand things to a body that takes any.
    if (reason === undefined) test(rule.name, () => body());
    else if (unclaimed === 'skip') test.skip(`${rule.name} (skipped: ${reason})`, () => {});
  };
  for (const [rule, situation, controlling] of openings()) {
    const reason = networks.situations.includes(situation)
      ? supports.opens.includes(situation)
        ? undefined
        : `supports.opens has no ${situation}`
      : `there is no such place on the ${networks.name}`;
    declare(rule, reason, () => check(rule, { situation, controlling, options, networks }));
  }
  const home = supports.opens.find((situation) => networks.situations.includes(situation));
  for (const rule of rules) {
    const reason = home ? rule.skip?.(supports, networks) : `supports.opens has nothing that the ${networks.name} has`;
    declare(rule, reason, () => check(rule, { situation: home ?? 'public', controlling: 0, options, networks }));
  }
}

/** Every situation, with either end in control where they differ. */
function openings(): (readonly [Rule, Situation, 0 | 1])[] {
  const uneven: readonly Situation[] = ['one-nat', 'mapping-gateway'];
  return (Object.keys(situations) as Situation[]).flatMap((situation) =>
    (uneven.includes(situation) ? ([0, 1] as const) : ([0] as const)).map((controlling) => {
      const who = uneven.includes(situation) ? ` (the ${controlling === 0 ? 'first' : 'other'} controls)` : '';
      return [{ ...opens, name: `opens a path where ${situations[situation]}${who}` }, situation, controlling] as const;
    }),
  );
}

interface Occasion<Prepared> {
  readonly situation: Situation;
  readonly controlling: 0 | 1;
  readonly options: ConformanceOptions<Prepared>;
  readonly networks: ConformanceNetworks;
}

/** @throws ConformanceError */
async function check<Prepared>(rule: Rule, { situation, controlling, options, networks }: Occasion<Prepared>): Promise<void> {
  const endWatch = watchForStrays();
  const network = await networks.open(situation);
  let trial: Trial | undefined;
  let failure: unknown;
  try {
    const prepared = (await network.until((async () => options.prepare?.(network.server))(), setUpMs)) as Prepared;
    const factory = (services: StrategyServices) => options.factory(services, prepared);
    trial = await network.until(Trial.open({ network, factory, supports: options.supports, controlling }), setUpMs);
    await network.until(rule.check(trial), rule.limitMs ?? ruleLimitMs);
  } catch (error) {
    failure = error;
  }
  if (trial) await network.until(trial.close(), setUpMs).catch(() => {});
  await network.close();
  const strays = await endWatch();
  const [stray] = strays;
  if (failure === undefined && stray !== undefined) {
    failure = new Breach('every rejection is handled and every exception caught', stray);
  }
  if (failure !== undefined) throw explained(rule, failure, trial);
}

function explained(rule: Rule, failure: unknown, trial: Trial | undefined): ConformanceError {
  // What is no breach is a mistake in the factory, or here: its stack tells where.
  const what = failure instanceof Breach ? failure.message : String((failure as Error | undefined)?.stack ?? failure);
  const logs = trial?.both.flatMap(({ role, lines }) =>
    lines.length > 0 ? [`Log of the ${role} end:`, ...lines.map((line) => `  ${line}`)] : [],
  );
  const name = trial?.end('controlling').strategy.name ?? 'The strategy';
  const text = [`${name} breaks the rule “${rule.name}”.`, what, `Why: ${rule.why}`, ...(logs ?? [])].join('\n');
  return new ConformanceError(rule.name, text, { cause: failure });
}
