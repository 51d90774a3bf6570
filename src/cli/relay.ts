import { type Command, InvalidArgumentError, Option } from 'commander';
import { type LogLevel, logLevels } from '../core/logger.js';
import type { Endpoint } from '../core/net.js';
import { inviteNamePattern } from '../relay/invite.js';
import type { Place } from '../relay/invited-places.js';
import { collectEndpoints, collectPlaces } from './endpoint-option.js';

interface CommonOptions {
  /** A file whose `relay.volunteer`, `stateDir`, `runtimeDir` and `log` count; undefined looks in the usual places. */
  readonly config?: string;
  readonly stateDir?: string;
}

export interface RelayOptions extends CommonOptions {
  readonly listen?: readonly Endpoint[];
  readonly revoke?: readonly string[];
  readonly runtimeDir?: string;
  /** Parsed with the configuration. */
  readonly http?: string;
  readonly httpExposed?: boolean;
  readonly logLevel?: LogLevel;
  readonly logFormat?: 'pretty' | 'json';
}

export interface InviteOptions extends CommonOptions {
  readonly advertise?: readonly Place[];
}

export interface RelayCommands {
  /** Relays until it is told to stop. */
  serve(options: RelayOptions): Promise<void>;
  /** Prints an invite. */
  invite(name: string, options: InviteOptions): Promise<void>;
}

/** Adds the commands to the program. */
export function addRelayCommand(program: Command, { serve, invite }: RelayCommands): void {
  const relay = program
    .command('relay')
    .description('relay for agents that have an invite, without a router of your own')
    .copyInheritedSettings(program)
    .allowExcessArguments(false)
    .enablePositionalOptions()
    .option('-c, --config <FILE>', 'take relay.volunteer, the folders and log from FILE, or from standard input for -')
    .option('--listen <ADDRESS:PORT>', 'relay here, over TCP and UDP; repeatable (default: port 4704)', collectEndpoints)
    .option('--revoke <NAME>', 'no longer serve who has the invite for NAME, repeatable', collectNames)
    .option('--state-dir <DIR>', 'where the secret is that invites derive from')
    .option('--runtime-dir <DIR>', 'where status finds the relay (default: the folder relay in the agent’s)')
    .option('--http <ADDRESS:PORT>', 'serve the metrics there, such as at 127.0.0.1:4781')
    .option('--http-exposed', 'let --http be an address that other machines reach')
    .addOption(new Option('--log-level <LEVEL>', 'the least that is logged').choices(logLevels))
    .addOption(new Option('--log-format <FORMAT>', 'how it is logged').choices(['pretty', 'json']))
    .addHelpText('after', () => relayHelp)
    .action((options: RelayOptions) => serve(options));
  relay
    .command('invite')
    .description('print the URI by which agents may use this relay; it holds a secret')
    .copyInheritedSettings(program)
    .allowExcessArguments(false)
    .argument('[NAME]', 'whom it is for; caps count by name', parseName, 'agents')
    .option('-c, --config <FILE>', 'as for the relay')
    .option(
      '--advertise <HOST:PORT>',
      'where agents reach the relay, repeatable (default: public addresses of this machine)',
      collectPlaces('relay.example.org:4704 or [2001:db8::1]:4704'),
    )
    .option('--state-dir <DIR>', 'as for the relay')
    .addHelpText('after', () => inviteHelp)
    .action((name: string, options: InviteOptions) => invite(name, options));
}

function parseName(text: string): string {
  if (!inviteNamePattern.test(text)) throw new InvalidArgumentError('Write up to 32 lower-case letters, digits and hyphens.');
  return text;
}

function collectNames(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, parseName(value)];
}

const relayHelp = `
Examples:
  ratatoskr relay
  ratatoskr relay --listen 192.0.2.1:4704 --log-format json
  ratatoskr relay --http 127.0.0.1:4781       with metrics for Prometheus
  ratatoskr status --runtime-dir /run/ratatoskr/relay
  ratatoskr relay invite                      an invite for all your agents
  ratatoskr relay invite alice                one for a friend, with caps of her own
  ratatoskr relay --revoke alice              and without her again

Open the port in the firewall, TCP and UDP: agents come over UDP where TCP does not get through. Agents name the invite in relay.servers; one of two agents is enough.
What passes is sealed between the agents: a relay sees ciphertext alone. Limits are those of relay.volunteer in the configuration.
Once a minute relay.status tells circuits, sessions, bytes carried and STUN requests answered. SIGTERM and SIGINT end it at once.`;

const inviteHelp = `
Examples:
  ratatoskr relay invite
  ratatoskr relay invite alice --advertise relay.example.org:4704

Run it as the relay's own user, with the same state folder. The same name gives the same invite again.`;
