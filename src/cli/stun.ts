import { type Command, Option } from 'commander';
import { type LogLevel, logLevels } from '../core/logger.js';
import type { Endpoint } from '../core/net.js';
import { collectEndpoints, parseEndpoint } from './endpoint-option.js';

export interface StunOptions {
  /** @default every address of both IP versions, port 3478 (RFC 8489 §18.6) */
  readonly listen?: readonly Endpoint[];
  readonly alternate?: Endpoint;
  readonly logLevel: LogLevel;
}

/** Adds the command to the program. @param serve runs it until it ends */
export function addStunCommand(program: Command, serve: (options: StunOptions) => Promise<void>): void {
  program
    .command('stun')
    .description('tell others how the internet sees them, as a STUN server of your own')
    .copyInheritedSettings(program)
    .allowExcessArguments(false)
    .option(
      '--listen <ADDRESS:PORT>',
      'answer here, over UDP and TCP, repeatable (default: 0.0.0.0:3478 and [::]:3478)',
      collectEndpoints,
    )
    .option(
      '--alternate <ADDRESS:PORT>',
      'a second address and port of this machine, to show how NATs behave (RFC 5780)',
      parseEndpoint,
    )
    .addOption(
      new Option('--log-level <LEVEL>', 'the least that is logged; debug shows each request').choices(logLevels).default('info'),
    )
    .addHelpText('after', () => stunHelp)
    .action((options: StunOptions, command: Command) => {
      if (options.alternate && options.listen?.length !== 1) {
        command.error('error: --alternate needs exactly one --listen, with an address of its own', {
          code: 'commander.invalidArgument',
        });
      }
      return serve(options);
    });
}

const stunHelp = `
Examples:
  ratatoskr stun
  ratatoskr stun --listen 192.0.2.1:3478 --listen [2001:db8::1]:3478
  ratatoskr stun --listen 192.0.2.1:3478 --alternate 192.0.2.2:3479

Open the ports in the firewall for UDP and TCP, then name this server in the agents’ configuration (stun) or with --stun.
On a machine with several addresses name those that clients ask, so that answers come from there.
SIGTERM and SIGINT end it at once.`;
