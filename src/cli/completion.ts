import { Argument, type Command } from 'commander';
import { completionScripts } from './completion-scripts.js';

export interface CompletionCommand {
  readonly out: (text: string) => unknown;
  /** Addresses of the running agent's peers; none where none runs. */
  readonly peers: () => Promise<readonly string[]>;
}

/** Adds the command that prints a shell's script, and the hidden one that the scripts ask for words. */
export function addCompletionCommands(program: Command, { out, peers }: CompletionCommand): void {
  program
    .command('completion')
    .description('print the script that completes commands in a shell')
    .copyInheritedSettings(program)
    .allowExcessArguments(false)
    .addArgument(new Argument('<SHELL>', 'the shell').choices(Object.keys(completionScripts)))
    .addHelpText('after', () => help)
    .action((shell: keyof typeof completionScripts) => void out(completionScripts[shell]));

  program
    .command('complete', { hidden: true })
    .copyInheritedSettings(program)
    .allowUnknownOption()
    .helpOption(false)
    .argument('[WORDS...]')
    .action(async (words: readonly string[]) => {
      const found = await candidates(program, words, peers);
      out(found.map((word) => `${word}\n`).join(''));
    });
}

/**
 * What may stand where the cursor is.
 * @param words of the line behind the program's name, up to the cursor; the last is what is being typed
 */
export async function candidates(
  program: Command,
  words: readonly string[],
  peers: CompletionCommand['peers'],
): Promise<string[]> {
  const typed = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  let command = program;
  let place = 0;
  for (const word of before) {
    const inner = place === 0 ? visibleCommands(command).find((each) => each.name() === word) : undefined;
    if (inner) command = inner;
    else if (!word.startsWith('-')) place += 1;
  }
  const fits = (all: readonly string[]) => all.filter((word) => word.startsWith(typed));
  const option = command.options.find(({ long, short }) => before.at(-1) !== undefined && [long, short].includes(before.at(-1)));
  // What an option wants comes before anything else.
  if (option?.required || option?.optional) return fits(option.argChoices ?? (option.long === '--peer' ? await peers() : []));
  if (typed.startsWith('-')) return fits(command.options.flatMap(({ long, hidden }) => (long && !hidden ? long : [])));
  const [argument] = command.registeredArguments;
  const own = argument?.argChoices ?? (argument?.name() === 'PEER' && place === 0 ? await peers() : []);
  return fits([...visibleCommands(command).map((each) => each.name()), ...own]);
}

function visibleCommands(command: Command): readonly Command[] {
  return command.createHelp().visibleCommands(command);
}

const help = `
Examples:
  ratatoskr completion bash > /etc/bash_completion.d/ratatoskr
  ratatoskr completion zsh > /usr/local/share/zsh/site-functions/_ratatoskr
  ratatoskr completion fish > ~/.config/fish/completions/ratatoskr.fish`;
