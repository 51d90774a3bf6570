import { type ErrorCode, errorCatalogue } from './error-catalogue.js';

/** Base of every error that an operator may see. The next step comes from the catalogue unless the thrower knows better. */
export abstract class RatatoskrError extends Error {
  readonly code: ErrorCode;
  /** What the operator can do about it, one sentence. */
  readonly help: string;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; help?: string } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.help = options.help ?? errorCatalogue[code].help;
  }
}

/** The configuration cannot be used. */
export class ConfigError extends RatatoskrError {}
/** The router's Admin API refused, failed or lied. */
export class AdminError extends RatatoskrError {}
/** The conversation with a remote agent over the overlay failed. */
export class SignallingError extends RatatoskrError {}
/** A strategy did not get a path: the only error an attempt rejects with. */
export class StrategyError extends RatatoskrError {}
/** A path could not be handed to the router, or was taken away. */
export class BridgeError extends RatatoskrError {}
/** A plugin cannot be used. */
export class PluginError extends RatatoskrError {}
/** The agent cannot run here. */
export class AgentError extends RatatoskrError {}

/** One line for logs: an error's code, message and next step, or what there is of them. Never throws. */
export function describeError(error: unknown): { code: string; message: string; help?: string } {
  if (error instanceof Error) {
    const { code, help } = error as { code?: unknown; help?: unknown };
    const named = { code: typeof code === 'string' ? code : error.name, message: error.message };
    return typeof help === 'string' ? { ...named, help } : named;
  }
  return { code: 'UNKNOWN', message: typeof error === 'object' && error !== null ? 'something that is no error' : String(error) };
}

/** What an attempt rejects with, whatever a strategy threw. A StrategyError of another copy of this package is known by name and code. */
export function asStrategyError(error: unknown, strategy: string): StrategyError {
  if (error instanceof StrategyError) return error;
  const { code, message, help } = describeError(error);
  const options = { cause: error, ...(help === undefined ? {} : { help }) };
  if (error instanceof RatatoskrError) return new StrategyError('ATTEMPT_ABORTED', message, { cause: error });
  if (error instanceof Error && error.name === 'StrategyError' && isErrorCode(code))
    return new StrategyError(code, message, options);
  return new StrategyError('STRATEGY_FAILED', `${strategy} failed unexpectedly: ${message}.`, { cause: error });
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCatalogue, code);
}
