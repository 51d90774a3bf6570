import type { Situation } from './situation.js';

/** What a strategy claims to do: the kit skips what it does not claim, and says so. */
export interface StrategySupport {
  /** Where it opens a path. In the first of them everything else is tested. */
  readonly opens: readonly [Situation, ...Situation[]];
  /** Kind of its paths. @default 'direct' */
  readonly kind?: 'direct' | 'relayed';
  /** Its paths go on in one direction when the other has ended. @default true */
  readonly halfClose?: boolean;
  /** It serves several peers at once. @default true */
  readonly several?: boolean;
}
