import type { Command } from 'commander';
import type { ConfigOverride } from '../core/config.js';
import { ConfigReader, type ConfigSource } from './config-source.js';
import { ControlClient } from './control-client.js';

export interface AskSurroundings extends Pick<ConfigSource, 'env' | 'uid' | 'stdin' | 'systemFile'> {
  readonly out: (text: string) => unknown;
}

export interface AskOptions {
  readonly config?: string;
  readonly runtimeDir?: string;
  readonly json?: boolean;
}

/** A command that has to do with a running agent, with the options that find it. @param examples a line each */
export function agentCommand(program: Command, usage: string, description: string, examples: string): Command {
  return program
    .command(usage)
    .description(description)
    .copyInheritedSettings(program)
    .allowExcessArguments(false)
    .option('-c, --config <FILE>', 'the configuration of the agent, for its runtime folder')
    .option('--runtime-dir <DIR>', 'the runtime folder of the agent')
    .option('--json', 'for programs')
    .addHelpText('after', () => `\nExamples:\n${examples}`);
}

/** Asks the agent that the options mean. @throws ConfigError */
export async function clientFor({ config: file, runtimeDir }: AskOptions, surroundings: AskSurroundings): Promise<ControlClient> {
  const overrides: ConfigOverride[] =
    runtimeDir === undefined ? [] : [{ path: ['runtimeDir'], value: runtimeDir, origin: '--runtime-dir' }];
  const { config } = await new ConfigReader({ ...surroundings, file, overrides }).read();
  return new ControlClient(config.runtimeDir);
}

/** Where the control API has a peer. @param peer public key or overlay address */
export function routeOf(peer: string): string {
  return `/v1/peers/${encodeURIComponent(peer)}`;
}
