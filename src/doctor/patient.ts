import type { Config } from '../core/config.js';
import type { Files } from '../core/files.js';
import type { StrategyServices } from '../core/strategy.js';

/** The machine that is examined, and what may be used to do so. */
export interface Patient {
  readonly config: Config;
  readonly services: StrategyServices;
  readonly files: Files;
  /** The running agent's own view; undefined where none runs, and without anything where it may not be asked. */
  readonly agent: AgentView | undefined;
  /** The packet filter in words of nft, undefined where it cannot be read. */
  readonly packetFilter: (signal: AbortSignal) => Promise<string | undefined>;
  readonly platform: NodeJS.Platform;
  readonly signal: AbortSignal;
}

/** What a running agent knows that nobody else can find out. */
export interface AgentView {
  /** Public key of its router; undefined while it has none. */
  readonly routerKey?: string | undefined;
  /** Who chooses the relays of its paths; undefined where it uses none. */
  readonly routes?:
    | { readonly coordinator: string | null; readonly frozenSince: string | null; readonly why: string }
    | undefined;
  /** Wall clocks of the agents that it has met, less ours, in milliseconds. */
  readonly clocks: readonly { readonly address: string; readonly aheadMs: number }[];
}
