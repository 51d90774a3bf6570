import { errorCatalogue } from '../../core/error-catalogue.js';
import type { Path } from '../../core/strategy.js';
import { Breach } from './breach.js';
import type { Trial } from './trial.js';

/**
 * Sees that an attempt rejects in time, and with what it may: a StrategyError with a known code, of any copy of the package, or the
 * reason that its signal aborted with.
 * @param when what makes it reject, as `after …`
 */
export async function expectRejection(
  raw: Promise<Path>,
  { trial, when, limitMs, reason }: { trial: Trial; when: string; limitMs: number; reason?: unknown },
): Promise<void> {
  const expected = `attempt rejects ${when}`;
  const outcome = raw.then(
    (path) => {
      path.destroy();
      throw new Breach(expected, 'it resolved with a path');
    },
    (error: unknown) => error,
  );
  expectStrategyError(await trial.within(outcome, limitMs, expected), { when, reason });
}

/** @throws Breach for anything that an operator could not be told */
export function expectStrategyError(error: unknown, { when, reason }: { when: string; reason?: unknown }): void {
  if (reason !== undefined && error === reason) return;
  const { name, code, message, stack } = (typeof error === 'object' && error !== null ? error : {}) as Partial<
    Record<string, unknown>
  >;
  const known =
    error instanceof Error && name === 'StrategyError' && typeof code === 'string' && Object.hasOwn(errorCatalogue, code);
  if (known && typeof message === 'string' && message !== '') return;
  const expected = `attempt rejects with a StrategyError ${when}${reason === undefined ? '' : ', or with the reason of its signal'}`;
  throw new Breach(expected, `it rejected with ${error instanceof Error ? String(stack ?? error) : String(error)}`);
}
