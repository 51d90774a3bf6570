import path from 'node:path';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { statusSchema } from '../control/schemas.js';
import { nearestWord } from '../core/config/nearest-word.js';
import { defaultConfigText } from '../core/config/text.js';
import type { Config, ConfigOverride } from '../core/config.js';
import { ConfigError, describeError, PluginError } from '../core/errors.js';
import { logLevels } from '../core/logger.js';
import { ownVersion } from '../own-package.js';
import { clientFor } from './agent-command.js';
import { addAskCommands } from './ask.js';
import { addBugreportCommand } from './bugreport.js';
import { addChangeCommands } from './change.js';
import { addCompletionCommands } from './completion.js';
import { ConfigReader, type ConfigSource } from './config-source.js';
import { addCoordinatorCommand, type CoordinatorInviteOptions, type CoordinatorOptions } from './coordinator.js';
import { addDoctorCommand, type Diagnosis, type DoctorRequest } from './doctor.js';
import { exitCodes } from './exit-codes.js';
import { addPluginCommand } from './plugin.js';
import { addRelayCommand, type InviteOptions, type RelayOptions } from './relay.js';
import { addStrategiesCommand, type StrategyRow } from './strategies.js';
import { addStunCommand, type StunOptions } from './stun.js';

/** What the command line needs of its surroundings. */
export interface Surroundings extends Pick<ConfigSource, 'env' | 'uid' | 'stdin' | 'systemFile'> {
  readonly out: (text: string) => unknown;
  readonly err: (text: string) => unknown;
  /** Runs an agent until it ends. @returns the exit code */
  readonly run: (file: string | undefined, overrides: readonly ConfigOverride[]) => Promise<number>;
  /** Answers STUN until it is told to stop. @returns the exit code */
  readonly stun: (options: StunOptions) => Promise<number>;
  /** Relays until it is told to stop. @returns the exit code */
  readonly relay: (options: RelayOptions) => Promise<number>;
  /** Prints an invite to the relay. */
  readonly invite: (name: string, options: InviteOptions) => Promise<void>;
  /** Coordinates routes until it is told to stop. @returns the exit code */
  readonly coordinator: (options: CoordinatorOptions) => Promise<number>;
  /** Prints an invite to the coordinator. */
  readonly coordinatorInvite: (key: string, options: CoordinatorInviteOptions) => Promise<void>;
  /**
   * Rejects with a ConfigError for what an agent would refuse although the schema does not, such as an unknown strategy, and with a
   * PluginError for what it would leave out. `folder` is where the configuration is.
   */
  readonly validate: (config: Config, folder: string) => Promise<void>;
  /** Examines this machine for `ratatoskr doctor`. */
  readonly examine: (request: DoctorRequest) => Promise<Diagnosis>;
  /** Looks at every strategy of a configuration. */
  readonly survey: (config: Config, folder: string) => Promise<readonly StrategyRow[]>;
}

/**
 * Does what the arguments say. Every failure is told on standard error, with the next step where there is one.
 * @param args without the names of node and of the script
 * @returns the exit code
 */
export async function main(args: readonly string[], surroundings: Surroundings): Promise<number> {
  let code: number = exitCodes.ok.code;
  const program = createProgram(surroundings, (exitCode) => {
    code = exitCode;
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return code;
  } catch (error) {
    // Commander has written its message by now; help and the version come this way too, with code 0.
    if (error instanceof CommanderError) {
      return error.exitCode === 0 || error.code === 'commander.help' ? exitCodes.ok.code : exitCodes.usage.code;
    }
    const { message, help } = describeError(error);
    surroundings.err(`${message}\n${help === undefined ? '' : `→ ${help}\n`}`);
    return error instanceof ConfigError || error instanceof PluginError ? exitCodes.config.code : exitCodes.failed.code;
  }
}

interface RunOptions {
  config?: string;
  admin?: string;
  stun?: string[];
  turn?: string[];
  relay?: string;
  strategies?: string[];
  stateDir?: string;
  runtimeDir?: string;
  http?: string;
  httpExposed?: boolean;
  logLevel?: string;
  logFormat?: string;
}

/** Every command. @param exit called with the exit code of one that does not end with 0 */
export function createProgram(surroundings: Surroundings, exit: (code: number) => void): Command {
  const program = new Command('ratatoskr')
    .description('Gives yggdrasil nodes behind NAT a direct path to each other.')
    .version(ownVersion(), '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .configureOutput({ writeOut: surroundings.out, writeErr: surroundings.err })
    .configureHelp({ showGlobalOptions: false })
    .showSuggestionAfterError()
    // What stands behind a subcommand is its own, also where the command above has an option of that name.
    .enablePositionalOptions()
    .exitOverride()
    .action(() => program.outputHelp());
  // Of the bare command an unknown word is a mistyped command, not an argument too many.
  program.allowExcessArguments().hook('preAction', (_this, command) => {
    const [word] = command === program ? program.args : [];
    if (word !== undefined) program.error(unknownCommand(program, word), { code: 'commander.unknownCommand' });
  });

  program
    .command('run')
    .description('run an agent for the local router until it is told to stop')
    .copyInheritedSettings(program)
    .allowExcessArguments(false)
    .option('-c, --config <FILE>', 'read the configuration from FILE, or from standard input for -')
    .option('--admin <URI>', 'the router’s Admin API: auto, unix:///path or tcp://host:port')
    .option('--stun <HOST:PORT>', 'ask this STUN server, repeatable; none asks only peers', collect)
    .option('--turn <URI>', 'relay through this TURN server, repeatable: turn:USER:SECRET@HOST:PORT[?transport=udp]', append)
    .addOption(new Option('--relay <WHEN>', 'when to use a relayed path').choices(['never', 'faster', 'always']))
    .option('--strategies <NAMES>', 'ways to open a path, best first, with commas between them', names)
    .option('--state-dir <DIR>', 'what must outlive a restart')
    .option('--runtime-dir <DIR>', 'sockets, which the router must be able to reach')
    .option('--http <ADDRESS:PORT>', 'serve the status page and the metrics there, such as at 127.0.0.1:4780')
    .option('--http-exposed', 'let --http be an address that other machines reach')
    .addOption(new Option('--log-level <LEVEL>', 'the least that is logged').choices(logLevels))
    .addOption(new Option('--log-format <FORMAT>', 'how it is logged').choices(['pretty', 'json']))
    .addHelpText('after', () => runHelp)
    .action(async (options: RunOptions) => exit(await surroundings.run(options.config, overridesOf(options))));

  program
    .command('config')
    .description('print every key of the configuration with its default, or check a file')
    .copyInheritedSettings(program)
    .allowExcessArguments(false)
    .option('--check <FILE>', 'tell everything that is wrong with FILE, or with standard input for -')
    .addHelpText('after', () => configHelp)
    .action(async ({ check }: { check?: string }) => {
      if (check === undefined) return void surroundings.out(defaultConfigText());
      const { config, from, folder } = await new ConfigReader({ ...surroundings, file: check, overrides: [] }).read();
      await surroundings.validate(config, folder);
      surroundings.out(`${from}: OK\n`);
    });

  addAskCommands(program, surroundings, exit);
  addChangeCommands(program, surroundings);
  addDoctorCommand(program, { ...surroundings, exit });
  addBugreportCommand(program, surroundings);
  const survey = async (file: string | undefined) => {
    const { config, folder } = await new ConfigReader({ ...surroundings, file, overrides: [] }).read();
    return surroundings.survey(config, folder);
  };
  addStrategiesCommand(program, { out: surroundings.out, survey, exit });

  addPluginCommand(program, surroundings.out);
  addStunCommand(program, async (options) => exit(await surroundings.stun(options)));
  addRelayCommand(program, {
    serve: async (options) => exit(await surroundings.relay(options)),
    invite: (name, options) => surroundings.invite(name, options),
  });
  addCoordinatorCommand(program, {
    serve: async (options) => exit(await surroundings.coordinator(options)),
    invite: (key, options) => surroundings.coordinatorInvite(key, options),
  });
  addCompletionCommands(program, { out: surroundings.out, peers: () => peerAddresses(surroundings) });

  return program.addHelpText('after', () => mainHelp);
}

function unknownCommand(program: Command, word: string): string {
  const known = program
    .createHelp()
    .visibleCommands(program)
    .map((command) => command.name())
    .filter((name) => name !== 'help');
  const near = nearestWord(word, [...known, 'help']);
  return `error: unknown command '${word}'\n${near ? `(Did you mean ${near}?)` : `(Commands are ${new Intl.ListFormat('en', { type: 'conjunction' }).format(known)}.)`}`;
}

/** For the completion of a word; where no agent answers there are none. */
async function peerAddresses(surroundings: Surroundings): Promise<readonly string[]> {
  try {
    const agent = await clientFor({}, surroundings);
    return (await agent.get('/v1/status', statusSchema)).peers.map(({ address }) => address);
  } catch {
    return [];
  }
}

function overridesOf(options: RunOptions): ConfigOverride[] {
  const { admin, stun, turn, relay, strategies, stateDir, runtimeDir, http, httpExposed, logLevel, logFormat } = options;
  const all: readonly ConfigOverride[] = [
    { path: ['admin'], value: admin, origin: '--admin' },
    { path: ['stun'], value: stun?.filter((server) => server !== 'none'), origin: '--stun' },
    { path: ['relay', 'turn'], value: turn, origin: '--turn' },
    { path: ['relay', 'use'], value: relay, origin: '--relay' },
    { path: ['strategies'], value: strategies, origin: '--strategies' },
    { path: ['stateDir'], value: stateDir, origin: '--state-dir' },
    { path: ['runtimeDir'], value: runtimeDir, origin: '--runtime-dir' },
    { path: ['http', 'listen'], value: http, origin: '--http' },
    { path: ['http', 'exposed'], value: httpExposed, origin: '--http-exposed' },
    { path: ['log', 'level'], value: logLevel, origin: '--log-level' },
    { path: ['log', 'format'], value: logFormat, origin: '--log-format' },
  ];
  return all.filter(({ value }) => value !== undefined);
}

function collect(value: string, previous: string[] = []): string[] {
  const servers = [...previous, value];
  if (servers.length > 1 && servers.includes('none')) throw new InvalidArgumentError('"none" stands alone.');
  return servers;
}

function append(value: string, previous: string[] = []): string[] {
  return [...previous, value];
}

function names(value: string): string[] {
  const found = value
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
    // A path on the command line begins where the command was given, not at the configuration.
    .map((name) => (/^\.{1,2}[\\/]/.test(name) ? path.resolve(name) : name));
  if (found.length === 0) throw new InvalidArgumentError('At least one name is needed.');
  return found;
}

const exitCodeHelp = `Exit codes:
${Object.values(exitCodes)
  .map(({ code, meaning }) => `  ${code}  ${meaning}`)
  .join('\n')}`;

const mainHelp = `
Examples:
  ratatoskr run                          find the router and go
  ratatoskr run --admin tcp://localhost:9001
  ratatoskr status                       what it does, and with whom
  ratatoskr explain 200:1234::1          why there is no direct path to a peer
  ratatoskr doctor                       what is wrong with this machine or its network, and what to do
  ratatoskr config > ratatoskr.conf      begin a configuration of your own
  ratatoskr config --check ratatoskr.conf
  ratatoskr strategies                   see which ways to open a path work here
  ratatoskr plugin new forwarded-port    begin a way of your own
  ratatoskr relay                        relay for other agents, on a public host
  ratatoskr coordinator                  choose relays for your agents, on a public host

${exitCodeHelp}`;

const configHelp = `
Examples:
  ratatoskr config > ratatoskr.conf
  ratatoskr config --check ratatoskr.conf
  echo 'stun: []' | ratatoskr config --check -`;

const runHelp = `
Examples:
  ratatoskr run --config /etc/ratatoskr.conf
  ratatoskr run --stun stun.example.org:3478 --stun stun2.example.org:3478
  ratatoskr run --http 127.0.0.1:4780    and look at http://127.0.0.1:4780/
  ratatoskr run --stun none --strategies tcp-hole-punching --log-level debug
  RATATOSKR_TURN_SECRET=... ratatoskr run --turn turn:USER@turn.example.org

A secret in an argument is shown by ps to everyone on this machine; the environment variable above, or secretFile in the
configuration, keeps it to the agent.

Options win over the configuration. SIGHUP makes the agent read its file again, SIGTERM and SIGINT stop it.

${exitCodeHelp}`;
