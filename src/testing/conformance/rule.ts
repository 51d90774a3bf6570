import type { ConformanceNetworks } from './network.js';
import type { StrategySupport } from './support.js';
import type { Trial } from './trial.js';

/** One rule of the contract, and how to see whether it is kept. */
export interface Rule {
  /** What a strategy does, as the end of a sentence that begins with its name. */
  readonly name: string;
  /** Why it matters, for whoever breaks it. */
  readonly why: string;
  /** Why it is not tested with a strategy that claims this, or there; undefined when it is. */
  readonly skip?: (supports: StrategySupport, networks: ConformanceNetworks) => string | undefined;
  /** Milliseconds of the network's clock that the check may take. @default 300000 */
  readonly limitMs?: number;
  /** @throws Breach */
  check(trial: Trial): Promise<void>;
}
