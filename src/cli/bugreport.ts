import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { bugReport } from './bug-report.js';
import { ConfigReader } from './config-source.js';
import type { DoctorCommand } from './doctor.js';

interface Options {
  readonly config?: string;
  readonly runtimeDir?: string;
  readonly output?: string;
}

/** Adds the command to the program. */
export function addBugreportCommand(program: Command, command: Omit<DoctorCommand, 'exit'>): void {
  program
    .command('bugreport')
    .description('gather what a bug report should say, with other names for addresses and keys and without secrets')
    .copyInheritedSettings(program)
    .allowExcessArguments(false)
    .option('-c, --config <FILE>', 'the configuration of the agent, or standard input for -')
    .option('--runtime-dir <DIR>', 'the runtime folder of the agent')
    .option('--output <FILE>', 'write it there, for this user alone')
    .addHelpText('after', () => help)
    .action(async ({ config: file, runtimeDir, output }: Options) => {
      const overrides = runtimeDir === undefined ? [] : [{ path: ['runtimeDir'], value: runtimeDir, origin: '--runtime-dir' }];
      const { config, folder } = await new ConfigReader({ ...command, file, overrides }).read();
      const report = await bugReport(config, () => command.examine({ config, folder }));
      if (output === undefined) return void command.out(report);
      await writeFile(output, report, { mode: 0o600 });
      command.out(`${output} is written. Read it before you send it.\n`);
    });
}

const help = `
It has the versions, the configuration, what ratatoskr doctor finds, the status of the running agent and what happened there last.

Examples:
  ratatoskr bugreport | less
  ratatoskr bugreport --output report.md`;
