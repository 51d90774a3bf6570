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
/** The agent cannot run here. */
export class AgentError extends RatatoskrError {}

/** One line for logs: an error's code and message, or what there is of them. */
export function describeError(error: unknown): { code: string; message: string; help?: string } {
  if (error instanceof RatatoskrError) return { code: error.code, message: error.message, help: error.help };
  if (error instanceof Error) {
    const { code } = error as { code?: unknown };
    return { code: typeof code === 'string' ? code : error.name, message: error.message };
  }
  return { code: 'UNKNOWN', message: String(error) };
}
