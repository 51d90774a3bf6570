import type { z } from 'zod';
import type { Clock } from '../clock.js';
import type { ErrorCode } from '../error-catalogue.js';
import type { Logger } from '../logger.js';
import type { PluginPrefix } from './locate-plugin.js';
import type { PluginLog } from './plugin-log.js';

/** What plugins of every kind export. */
export interface AnyDefinition {
  readonly name: string;
  readonly apiVersion: number;
  readonly options: z.ZodType;
  create(options: unknown, services: unknown): { readonly name: string };
}

export type InstanceOf<Definition extends AnyDefinition> = ReturnType<Definition['create']>;
export type ServicesOf<Definition extends AnyDefinition> = Parameters<Definition['create']>[1];

/** What every kind of plugin may use, and the agent to hold it to the contract. */
export interface PluginServices {
  readonly clock: Clock;
  readonly log: Logger;
  readonly stateDir: string;
}

export interface GuardParts {
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly pluginLog: PluginLog;
}

/** What tells strategies from discovery sources, as far as loading them goes. */
export interface PluginKind<Definition extends AnyDefinition> {
  /** As in messages: "a strategy". */
  readonly noun: string;
  readonly prefix: PluginPrefix;
  /** The function that marks a definition. */
  readonly define: string;
  readonly apiVersion: number;
  isDefinition(value: unknown): value is Definition;
  /** The field of log lines that names it. */
  readonly logField: 'strategy' | 'source';
  /** Folder in the agent's state folder, where each has its own. */
  readonly stateFolder: string;
  readonly unknown: ErrorCode;
  readonly optionsInvalid: ErrorCode;
  /** Holds what `create` returned to the contract. @throws PluginError PLUGIN_INVALID */
  guard(inner: InstanceOf<Definition>, parts: GuardParts): InstanceOf<Definition>;
}
