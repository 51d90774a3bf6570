import type { Command } from 'commander';
import { createProgram, type Surroundings } from '../src/cli/program.js';

/** Columns of the help on the page, whatever terminal it is written at. */
const width = 110;

/** The command line without anything behind it: what it would do is not done. @param out what it would print */
export function idleProgram(out: (text: string) => unknown = () => {}): Command {
  const idle = async () => Promise.reject(new Error('this command line does nothing'));
  const surroundings: Surroundings = {
    env: {},
    uid: undefined,
    stdin: process.stdin,
    out,
    err: () => {},
    run: idle,
    stun: idle,
    relay: idle,
    invite: idle,
    coordinator: idle,
    coordinatorInvite: idle,
    validate: idle,
    survey: idle,
    examine: idle,
  };
  const program = createProgram(surroundings, () => {});
  for (const command of everyCommand(program)) {
    command.configureOutput({ writeOut: out, writeErr: () => {}, getOutHelpWidth: () => width, getOutHasColors: () => false });
  }
  return program;
}

/** A command and all below it. */
export function everyCommand(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}

/** docs/commands.md: the help of every command, as the program gives it. */
export function commandsPage(): string {
  let text = '';
  const program = idleProgram((more) => {
    text += more;
  });
  const sections = everyCommand(program)
    .filter((command) => command === program || visible(command))
    .map((command) => {
      text = '';
      command.outputHelp();
      return `## ${pathOf(command)}\n\n\`\`\`text\n${text.trimEnd()}\n\`\`\`\n`;
    });
  return `# Commands

<!-- Generated from src/cli by \`npx tsx scripts/write-docs.ts\`; a test fails when it is stale. -->

What each command says of itself with \`--help\`. Those with \`--json\` print an object with a \`schemaVersion\`, or an array, that later
versions only add to. Colour and progress are for terminals alone. Where nothing else is said, exit codes are those of the program.

${sections.join('\n')}`;
}

function visible(command: Command): boolean {
  const { parent } = command;
  return parent?.createHelp().visibleCommands(parent).includes(command) ?? false;
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}
