import { type Command, InvalidArgumentError, Option } from 'commander';
import { type LogLevel, logLevels } from '../core/logger.js';
import type { Endpoint } from '../core/net.js';
import type { Place } from '../relay/invited-places.js';
import { collectEndpoints, collectPlaces } from './endpoint-option.js';

interface CommonOptions {
  /** A file whose `stateDir` and `log` count; undefined looks in the usual places. */
  readonly config?: string;
  readonly stateDir?: string;
}

export interface CoordinatorOptions extends CommonOptions {
  readonly listen?: readonly Endpoint[];
  readonly revoke?: readonly string[];
  readonly logLevel?: LogLevel;
  readonly logFormat?: 'pretty' | 'json';
}

export interface CoordinatorInviteOptions extends CommonOptions {
  readonly advertise?: readonly Place[];
}

export interface CoordinatorCommands {
  /** Coordinates until it is told to stop. */
  serve(options: CoordinatorOptions): Promise<void>;
  /** Prints an invite for the agent whose router has this key. */
  invite(key: string, options: CoordinatorInviteOptions): Promise<void>;
}

/** Adds the commands to the program. */
export function addCoordinatorCommand(program: Command, { serve, invite }: CoordinatorCommands): void {
  const coordinator = program
    .command('coordinator')
    .description('choose the relays for agents that report to you what they measure, without a router of your own')
    .copyInheritedSettings(program)
    .allowExcessArguments(false)
    .enablePositionalOptions()
    .option('-c, --config <FILE>', 'take stateDir and log from FILE, or from standard input for -')
    .option('--listen <ADDRESS:PORT>', 'serve agents here, over TCP; repeatable (default: port 4705)', collectEndpoints)
    .option('--revoke <KEY>', 'no longer serve the agent whose router has KEY, repeatable', collectKeys)
    .option('--state-dir <DIR>', 'where the secret is that invites derive from')
    .addOption(new Option('--log-level <LEVEL>', 'the least that is logged').choices(logLevels))
    .addOption(new Option('--log-format <FORMAT>', 'how it is logged').choices(['pretty', 'json']))
    .addHelpText('after', () => coordinatorHelp)
    .action((options: CoordinatorOptions) => serve(options));
  coordinator
    .command('invite')
    .description('print the URI by which one agent may report and ask; it holds a secret')
    .copyInheritedSettings(program)
    .allowExcessArguments(false)
    .argument('<KEY>', 'public key of the agent’s router', parseKey)
    .option('-c, --config <FILE>', 'as for the coordinator')
    .option(
      '--advertise <HOST:PORT>',
      'where agents reach the coordinator, repeatable (default: public addresses of this machine)',
      collectPlaces('routes.example.org:4705 or [2001:db8::1]:4705'),
    )
    .option('--state-dir <DIR>', 'as for the coordinator')
    .addHelpText('after', () => inviteHelp)
    .action((key: string, options: CoordinatorInviteOptions) => invite(key, options));
}

function parseKey(text: string): string {
  const key = text.toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(key)) throw new InvalidArgumentError('Write the 64 hex digits that yggdrasilctl getSelf shows.');
  return key;
}

function collectKeys(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, parseKey(value)];
}

const coordinatorHelp = `
Examples:
  ratatoskr coordinator
  ratatoskr coordinator --listen 192.0.2.1:4705 --log-format json
  ratatoskr coordinator invite 000000012f6b7a1c8e3d5f90a4b7c2d1e8f3a6b5c4d7e2f1a0b9c8d7e6f5a4b3

Open the TCP port in the firewall. Each agent gets an invite of its own, and names it as relay.routes.coordinator, with the mode super.
The invites are the list of who is served: an agent reports for the key in its invite alone, and learns of routes of its own alone.
Traffic does not pass here. When the coordinator is away, agents keep the routes that they were told last. Once a minute
coordinator.status tells agents, delays and questions. SIGTERM and SIGINT end it at once.`;

const inviteHelp = `
Examples:
  ratatoskr coordinator invite 000000012f6b7a1c8e3d5f90a4b7c2d1e8f3a6b5c4d7e2f1a0b9c8d7e6f5a4b3
  ratatoskr coordinator invite 000000012f6b7a1c8e3d5f90a4b7c2d1e8f3a6b5c4d7e2f1a0b9c8d7e6f5a4b3 --advertise routes.example.org:4705

Run it as the coordinator's own user, with the same state folder. The same key gives the same invite again.`;
